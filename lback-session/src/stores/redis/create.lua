-- Stores a new session. Answers 0 where there is one of this id.
local users, id, now, ends, ttl, version, user, data, expires, created, updated = unpack(ARGV)

if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'version', version, 'user', user, 'data', data, 'expires', expires, 'created', created, 'updated', updated)
redis.call('PEXPIRE', KEYS[1], ttl)
remember(users, user, id, ends, now, ttl)
return 1
