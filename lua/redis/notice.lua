-- SPDX-License-Identifier: MIT
-- Entries of a machine were seen. If it has no lease (Redis has lost it, or they
-- were on the way when the machine was taken out) it gets one: either it lives,
-- and takes it, or its end is seen, and the entries go. One that was taken out
-- gets one that is over.
--
-- KEYS: as lease.lua; ARGV: machine, ms that its lease lasts from now on
-- Returns whether it was taken out, and cleaned up after: these were left behind.
local now = redis.call('TIME')
local ends = now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[2]
local gone = redis.call('EXISTS', KEYS[3])
if gone == 1 then ends = -1 end
redis.call('ZADD', KEYS[1], 'NX', ends, ARGV[1])
return gone
