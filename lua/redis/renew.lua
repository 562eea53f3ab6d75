-- SPDX-License-Identifier: MIT
-- A new era begins, if the room is still in the one that is to end. What is
-- kept is dropped, and whoever follows the room learns of it.
--
-- KEYS: what is kept, the room's hash
-- ARGV: the era that ends ('': whichever it is), the new one, seconds that the
--   hash lives, channel
-- Returns whether it has begun.
local kept, room = KEYS[1], KEYS[2]
local era = redis.call('HGET', room, 'e')
if ARGV[1] ~= '' and era ~= ARGV[1] then return 0 end
redis.call('DEL', kept)
redis.call('HSET', room, 'e', ARGV[2], 'o', 0)
redis.call('EXPIRE', room, ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[2] .. ':0:')
return 1
