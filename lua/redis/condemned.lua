-- SPDX-License-Identifier: MIT
-- What a dead machine had entries of: from now on it adds nothing to that, also
-- not by what comes late.
--
-- KEYS: the list, and where it is kept until all of it is cleaned up
-- ARGV: seconds that this is known
-- Returns the list.
if redis.call('TYPE', KEYS[1]).ok == 'set' then
  redis.call('SUNIONSTORE', KEYS[2], KEYS[2], KEYS[1])
end
redis.call('SET', KEYS[1], '', 'EX', ARGV[1]) -- SADD fails where a string is
return redis.call('SMEMBERS', KEYS[2])
