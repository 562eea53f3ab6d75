-- SPDX-License-Identifier: MIT
-- A machine is taken for dead, from now on and whatever it says.
--
-- KEYS: as lease.lua; ARGV: machine, whether only if its lease is over (1), or it
--   says so itself (0)
-- Returns whether it is.
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local ends = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]))
if not ends or (ARGV[2] == '1' and ends > ms) then return 0 end
if ARGV[2] == '0' and redis.call('GET', KEYS[4]) == ARGV[1] then
  redis.call('DEL', KEYS[4])
end
redis.call('ZADD', KEYS[1], -1, ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
