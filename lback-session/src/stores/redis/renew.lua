-- Moves the end of a session forward, unless it stands there to within a second. Answers 0 where it is gone.
local users, id, now, ends, ttl, expires, due, updated = unpack(ARGV)

local current = redis.call('HMGET', KEYS[1], 'expires', 'user')
if not current[1] or tonumber(current[1]) <= tonumber(updated) then return 0 end
if tonumber(current[1]) <= tonumber(due) then
  redis.call('HSET', KEYS[1], 'expires', expires, 'updated', updated)
  redis.call('PEXPIRE', KEYS[1], ttl)
  remember(users, current[2], id, ends, now, ttl)
end
return 1
