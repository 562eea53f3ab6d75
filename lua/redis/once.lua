-- SPDX-License-Identifier: MIT
-- A message without a number is published, if its id is new.
--
-- KEYS: the id; ARGV: channel, message, seconds that ids are known
-- Returns 0; { number } if the id was known.
if redis.call('SET', KEYS[1], 0, 'NX', 'EX', ARGV[3]) then
  redis.call('PUBLISH', ARGV[1], ARGV[2])
  return 0
end
return { tonumber(redis.call('GET', KEYS[1])) }
