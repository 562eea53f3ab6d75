-- SPDX-License-Identifier: MIT
-- A machine has no entries of a name any more.
--
-- KEYS: as ledger_put.lua; ARGV: machine
-- Returns whether it had some, and how many machines still have.
redis.call('UNLINK', KEYS[1])
local had = redis.call('SREM', KEYS[2], ARGV[1])
return { had, redis.call('SCARD', KEYS[2]) }
