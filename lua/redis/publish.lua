-- SPDX-License-Identifier: MIT
-- A message for a room with numbers gets its number, is kept, and is published.
--
-- KEYS: what is kept (a list, newest first; with `latest` a hash, by key), the
--   room's hash, and perhaps the id of the message
-- ARGV: message, how many are kept, past how many they are trimmed, channel,
--   era if one begins, seconds that the kept ones live ('': as they did),
--   seconds that the hash lives, seconds that ids are known, key ('' for a list)
-- Returns number and era; if the id was known { number, era, where the room is,
--   the newest message that is kept }.
local kept, room, id = KEYS[1], KEYS[2], KEYS[3]
local message, keep, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

-- Drops the oldest messages of all keys but `keep`.
local function trim_keys()
  local found, all = {}, redis.call('HGETALL', kept)
  for i = 1, #all, 2 do
    found[#found + 1] = { all[i], tonumber(string.match(all[i + 1], '^%d+')) }
  end
  table.sort(found, function(a, b) return a[2] > b[2] end)
  for i = keep + 1, #found do redis.call('HDEL', kept, found[i][1]) end
end

local function newest()
  if not ARGV[9] then return redis.call('LRANGE', kept, 0, 0)[1] end
  local found, most_seq = nil, 0
  for _, text in ipairs(redis.call('HVALS', kept)) do
    local seq = tonumber(string.match(text, '^%d+'))
    if seq > most_seq then found, most_seq = text, seq end
  end
  return found
end

local known = id and redis.call('GET', id)
if known then
  local at = redis.call('HMGET', room, 'e', 'o')
  return { tonumber(known), at[1], at[2], newest() }
end
local seq = redis.call('HINCRBY', room, 'o', 1)
if seq == 1 then
  if redis.call('HSETNX', room, 'e', ARGV[5]) == 1 then redis.call('DEL', kept) end
  redis.call('EXPIRE', room, ARGV[7])
end
local numbered = string.format('%.0f', seq) .. ':' .. message
if keep > 0 and ARGV[9] then
  redis.call('HSET', kept, ARGV[9], numbered)
  if redis.call('HLEN', kept) > most then trim_keys() end
elseif keep > 0 and redis.call('LPUSH', kept, numbered) > most then
  redis.call('LTRIM', kept, 0, keep - 1)
end
if ARGV[6] ~= '' then
  redis.call('EXPIRE', kept, ARGV[6])
  redis.call('EXPIRE', room, ARGV[7])
end
local era = redis.call('HGET', room, 'e')
redis.call('PUBLISH', ARGV[4], era .. ':' .. numbered)
if id then redis.call('SET', id, seq, 'EX', ARGV[8]) end
return { seq, era }
