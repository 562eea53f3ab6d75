-- SPDX-License-Identifier: MIT
-- How somebody is, on one machine, in a room; or that a user is there at all.
--
-- KEYS: that machine's entries of the name, the machines that have some
-- ARGV: machine, field, value ('': there is none any more), channel, message
-- Returns how many other machines have some.
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
  redis.call('SADD', KEYS[2], ARGV[1])
else
  redis.call('HDEL', KEYS[1], ARGV[2])
  if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[1]) end
end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return redis.call('SCARD', KEYS[2]) - redis.call('SISMEMBER', KEYS[2], ARGV[1])
