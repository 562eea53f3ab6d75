-- SPDX-License-Identifier: MIT
-- A machine says that it lives, and hears who does not.
--
-- KEYS: machine → end of its lease, ms of this clock; machine → what it says of
--   itself
-- ARGV: machine, ms that its lease lasts from now on, what it says of itself,
--   how many that are over it wants to hear of
-- Returns { whether it was known, others that are over… }.
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], ms + ARGV[2], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ms, 'LIMIT', 0, ARGV[4])
table.insert(over, 1, known and 1 or 0)
return over
