UPDATE auth_users SET joined = replace(joined, '+00:00', '');
UPDATE auth_users SET last_login = replace(last_login, '+00:00', '');
