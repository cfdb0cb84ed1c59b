-- Stores times with their zone, so that they compare equal with new ones. Existing values are in UTC.
UPDATE auth_users SET joined = joined || '+00:00' WHERE joined NOT LIKE '%+00:00';
UPDATE auth_users SET last_login = last_login || '+00:00' WHERE last_login NOT LIKE '%+00:00';
