-- SPDX-License-Identifier: MIT
-- A machine says that it lives, and hears who does not.
--
-- KEYS: machine → end of its lease, ms of this clock; machine → what it says of
--   itself; whether this one was taken out
-- ARGV: machine, ms that its lease lasts from now on, what it says of itself,
--   how many that are over it wants to hear of, whether it had a lease (1 or 0)
-- Returns { whether it has one now, others that are over… }. A machine that was
-- taken for dead gets none, and has to take another name: { 0, 1 }; or { 0, 0 }
-- if nothing is known of it.
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local ends = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]))
if ARGV[5] == '1' and (not ends or ends < 0) then
  return { 0, (ends or redis.call('EXISTS', KEYS[3]) == 1) and 1 or 0 }
end
redis.call('ZADD', KEYS[1], ms + ARGV[2], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ms, 'LIMIT', 0, ARGV[4])
table.insert(over, 1, 1)
return over
