-- SPDX-License-Identifier: MIT
-- A machine that was condemned, and cleaned up after, is forgotten.
--
-- KEYS: as lease.lua; ARGV: machine, channel of all, what they are told
-- Returns whether it was there.
local there = redis.call('ZREM', KEYS[1], ARGV[1])
if there == 1 then redis.call('SET', KEYS[3], 1, 'EX', 86400) end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return there
