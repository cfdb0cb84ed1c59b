DROP TABLE auth_attempts;
DROP TABLE auth_groups_permissions;
DROP TABLE auth_users_permissions;
DROP TABLE auth_users_groups;
DROP TABLE auth_permissions;
DROP TABLE auth_groups;
DROP TABLE auth_users;
