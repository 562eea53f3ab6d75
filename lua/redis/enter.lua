-- SPDX-License-Identifier: MIT
-- Where a room with numbers is. A room of which nothing is known begins.
--
-- KEYS: what is kept, the room's hash
-- ARGV: era if one begins, seconds that the hash lives
-- Returns era and number, as texts.
local kept, room = KEYS[1], KEYS[2]
if redis.call('HSETNX', room, 'e', ARGV[1]) == 1 then
  redis.call('HSETNX', room, 'o', 0)
  redis.call('DEL', kept)
  redis.call('EXPIRE', room, ARGV[2])
end
return redis.call('HMGET', room, 'e', 'o')
