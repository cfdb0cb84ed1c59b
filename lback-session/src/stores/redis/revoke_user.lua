-- Deletes the sessions of a user, but for one. Answers how many.
local users, sessions, user, except = unpack(ARGV)

local deleted = 0
for _, id in ipairs(redis.call('ZRANGE', users .. user, 0, -1)) do
  if id ~= except then
    deleted = deleted + redis.call('DEL', sessions .. id)
    redis.call('ZREM', users .. user, id)
  end
end
return deleted
