INSERT INTO auth_groups (name) VALUES ('Agents') ON CONFLICT DO NOTHING;
INSERT INTO auth_permissions (name, label) VALUES ('tickets.manage', 'See, assign and close all tickets') ON CONFLICT DO NOTHING;
INSERT INTO auth_groups_permissions (group_id, permission_id)
SELECT auth_groups.id, auth_permissions.id FROM auth_groups, auth_permissions
WHERE auth_groups.name = 'Agents' AND auth_permissions.name = 'tickets.manage' ON CONFLICT DO NOTHING;
