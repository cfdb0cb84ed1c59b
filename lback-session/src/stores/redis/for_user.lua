-- The sessions of a user, as id, creation, last use and end of each.
local users, sessions, user, now = unpack(ARGV)

local found = {}
for _, id in ipairs(redis.call('ZRANGE', users .. user, 0, -1)) do
  local session = redis.call('HMGET', sessions .. id, 'created', 'updated', 'expires')
  if session[3] and tonumber(session[3]) > tonumber(now) then
    for _, text in ipairs({ id, session[1], session[2], session[3] }) do found[#found + 1] = text end
  end
end
return found
