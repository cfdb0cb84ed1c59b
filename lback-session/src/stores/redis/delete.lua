-- Deletes a session. Answers how many there were.
local users, id = unpack(ARGV)

forget(users, redis.call('HGET', KEYS[1], 'user'), id)
return redis.call('DEL', KEYS[1])
