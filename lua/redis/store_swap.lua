-- SPDX-License-Identifier: MIT
-- A key of the store gets another value, if it still has the one that is meant.
--
-- KEYS: the key
-- ARGV: what it had (1) or that it was not there (0), the value it had, whether
--   it gets one (1) or goes (0), the new value, ms that it lives ('': as before)
-- Returns 1; or what is there, as { value }, or { } for nothing.
local key = KEYS[1]
local there = redis.call('GET', key)
if there ~= (ARGV[1] == '1' and ARGV[2]) then return there and { there } or {} end
if ARGV[3] == '0' then
  redis.call('DEL', key)
elseif ARGV[5] == '' then
  redis.call('SET', key, ARGV[4], 'KEEPTTL')
else
  redis.call('SET', key, ARGV[4], 'PX', ARGV[5])
end
return 1
