-- Before each script. The sessions of a user: a sorted set of their ids, by the millisecond in which they end.

local function forget(users, user, id)
  if user and user ~= '' then redis.call('ZREM', users .. user, id) end
end

local function remember(users, user, id, ends, now, ttl)
  if not user or user == '' then return end
  local set = users .. user
  redis.call('ZREMRANGEBYSCORE', set, '-inf', now)
  redis.call('ZADD', set, ends, id)
  if redis.call('PTTL', set) < tonumber(ttl) then redis.call('PEXPIRE', set, ttl) end
end

