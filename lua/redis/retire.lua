-- SPDX-License-Identifier: MIT
-- A machine that has ended, or whose lease is over, is forgotten.
--
-- KEYS: as lease.lua; ARGV: machine, whether only if its lease is over (1 or 0),
--   channel of all, what they are told
-- Returns whether it was there.
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local ends = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]))
if not ends or (ARGV[2] == '1' and ends > ms) then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
