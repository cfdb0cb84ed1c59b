-- Replaces a session that is there in this version, under the id that it has or a new one. Answers 1; or the session, where
-- another request was faster; or nothing, where it is gone.
local users, id, new_id, now, ends, ttl, version, new_version, user, data, expires, updated = unpack(ARGV)

local current = redis.call('HMGET', KEYS[1], 'version', 'user', 'data', 'expires', 'created', 'updated')
if not current[1] or not current[4] or tonumber(current[4]) <= tonumber(updated) then return false end
if current[1] ~= version then return current end
redis.call('HSET', KEYS[1], 'version', new_version, 'user', user, 'data', data, 'expires', expires, 'updated', updated)
redis.call('PEXPIRE', KEYS[1], ttl)
if new_id ~= id then redis.call('RENAME', KEYS[1], KEYS[2]) end
if new_id ~= id or user ~= current[2] then forget(users, current[2], id) end
remember(users, user, new_id, ends, now, ttl)
return 1
