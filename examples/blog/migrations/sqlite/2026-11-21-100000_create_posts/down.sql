DROP TABLE posts;
DELETE FROM auth_groups WHERE name IN ('Authors', 'Moderators');
DELETE FROM auth_permissions WHERE name LIKE 'blog.%';
