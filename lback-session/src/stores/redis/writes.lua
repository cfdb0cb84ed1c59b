-- Does several things, one after another, and answers what came of each. Redis runs a script alone, so what one of them
-- compares (a version, an expiry) holds while it writes. One that fails does not hinder the others.
--
-- ARGV: what the names of the users' sets, of the sessions and of the notes of ended ones begin with, and how many milliseconds
-- such a note is kept; then for each thing its name, how many arguments it has, and these. A session is one string: its
-- creation, version, user, expiry, last change, and the rest, with spaces between. Times are microseconds, which Lua's numbers
-- hold exactly.
local users, sessions, ended, note_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local HEAD = '^(%-?%d+) (%d+) (%-?%d*) (%-?%d+) (%-?%d+) '

-- What stands before a session's data, if it is there and has not expired.
local function live(session, now)
  if not session then return end
  local created, version, user, expires, updated = string.match(session, HEAD)
  if expires and tonumber(expires) > tonumber(now) then return created, version, user, expires, updated end
end

-- The sessions of a user: a sorted set of their ids, by their ends.
local function forget(user, id)
  if user and user ~= '' then redis.call('ZREM', users .. user, id) end
end

local function remember(user, id, expires, now, ttl)
  if user == '' then return end
  local set = users .. user
  redis.call('ZREMRANGEBYSCORE', set, '-inf', now)
  redis.call('ZADD', set, expires, id)
  if redis.call('PTTL', set) < tonumber(ttl) then redis.call('PEXPIRE', set, ttl) end
end

-- Notes that a session was ended. That this fails, because the memory is full for example, must not keep the session from ending.
local function note_end(id, now)
  redis.pcall('SET', ended .. id, now, 'PX', note_ttl)
end

local writes = {}

-- Stores a new session. Answers 0 where there is one of this id.
function writes.create(id, user, expires, now, ttl, session)
  if not redis.call('SET', sessions .. id, session, 'PX', ttl, 'NX') then return 0 end
  remember(user, id, expires, now, ttl)
  return 1
end

-- Replaces a session that is as it was found: its head says so, since every change makes another. Answers 1; or the session,
-- where another request was faster; or nothing, where it is gone. `new_id` and what follows are there where it has a user,
-- had one (`owner`), or gets another id.
function writes.replace(id, head, session, ttl, new_id, owner, user, expires, now)
  local stored = redis.call('GET', sessions .. id)
  if not stored then return false end
  if string.sub(stored, 1, #head) ~= head then return stored end
  redis.call('SET', sessions .. (new_id or id), session, 'PX', ttl)
  if new_id then
    if new_id ~= id then
      redis.call('DEL', sessions .. id)
      note_end(id, now)
    end
    if new_id ~= id or user ~= owner then forget(owner, id) end
    remember(user, new_id, expires, now, ttl)
  end
  return 1
end

-- Moves the end of a session forward, unless it stands there to within a second. Answers 0 where it is gone.
function writes.renew(id, expires, due, now, ttl)
  local session = redis.call('GET', sessions .. id)
  local created, version, user, current = live(session, now)
  if not created then return 0 end
  if tonumber(current) <= tonumber(due) then
    local data = string.gsub(session, HEAD, '', 1)
    local new = created .. ' ' .. version .. ' ' .. user .. ' ' .. expires .. ' ' .. now .. ' ' .. data
    redis.call('SET', sessions .. id, new, 'PX', ttl)
    remember(user, id, expires, now, ttl)
  end
  return 1
end

-- Writes nothing. Answers the session, or nothing where it is gone.
function writes.find(id)
  return redis.call('GET', sessions .. id)
end

-- Deletes a session that was ended. Answers how many there were.
function writes.delete(id, now)
  local _, _, user = string.match(redis.call('GET', sessions .. id) or '', HEAD)
  forget(user, id)
  local deleted = redis.call('DEL', sessions .. id)
  if deleted > 0 then note_end(id, now) end
  return deleted
end

-- Deletes the sessions of a user, which were ended, but for one. Answers how many.
function writes.revoke(user, except, now)
  local deleted = 0
  for _, id in ipairs(redis.call('ZRANGE', users .. user, 0, -1)) do
    if id ~= except then
      if redis.call('DEL', sessions .. id) > 0 then
        deleted = deleted + 1
        note_end(id, now)
      end
      redis.call('ZREM', users .. user, id)
    end
  end
  return deleted
end

-- Writes nothing. Answers when a session was ended, or nothing.
function writes.ended(id)
  return redis.call('GET', ended .. id)
end

-- Writes nothing. Answers id, creation, last use and end of each session of a user.
function writes.list(user, now)
  local found = {}
  for _, id in ipairs(redis.call('ZRANGE', users .. user, 0, -1)) do
    local created, _, _, expires, updated = live(redis.call('GET', sessions .. id), now)
    if created then
      for _, text in ipairs({ id, created, updated, expires }) do found[#found + 1] = text end
    end
  end
  return found
end

local answers, at = {}, 5
while ARGV[at] do
  local count = tonumber(ARGV[at + 1])
  local done, answer = pcall(writes[ARGV[at]], unpack(ARGV, at + 2, at + 1 + count))
  if not done then answer = { 'failed', type(answer) == 'table' and answer.err or tostring(answer) } end
  answers[#answers + 1] = answer
  at = at + 2 + count
end
return answers
