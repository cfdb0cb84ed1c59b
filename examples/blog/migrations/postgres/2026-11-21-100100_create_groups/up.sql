-- The two groups and their permissions. The application declares the same permissions (src/main.rs), which updates their labels.
INSERT INTO auth_permissions (name, label) VALUES
    ('blog.add_post', 'Write posts'),
    ('blog.moderate', 'Publish and edit all posts, admit authors')
ON CONFLICT DO NOTHING;

INSERT INTO auth_groups (name) VALUES ('Authors'), ('Moderators') ON CONFLICT DO NOTHING;

INSERT INTO auth_groups_permissions (group_id, permission_id)
SELECT auth_groups.id, auth_permissions.id FROM auth_groups, auth_permissions
WHERE (auth_groups.name = 'Authors' AND auth_permissions.name = 'blog.add_post')
   OR (auth_groups.name = 'Moderators' AND auth_permissions.name IN ('blog.add_post', 'blog.moderate'))
ON CONFLICT DO NOTHING;
