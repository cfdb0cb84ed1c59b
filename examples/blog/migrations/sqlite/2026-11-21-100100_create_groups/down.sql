-- Explicit, because SQLite does not cascade in migrations.
DELETE FROM auth_users_groups WHERE group_id IN (SELECT id FROM auth_groups WHERE name IN ('Authors', 'Moderators'));
DELETE FROM auth_groups_permissions WHERE permission_id IN (SELECT id FROM auth_permissions WHERE name LIKE 'blog.%');
DELETE FROM auth_users_permissions WHERE permission_id IN (SELECT id FROM auth_permissions WHERE name LIKE 'blog.%');
DELETE FROM auth_groups WHERE name IN ('Authors', 'Moderators');
DELETE FROM auth_permissions WHERE name LIKE 'blog.%';
