-- SPDX-License-Identifier: MIT
-- A number of the store is added to; if there is none, it begins.
--
-- KEYS: the key; ARGV: what is added, ms that a new key lives ('': for ever)
-- Both numbers are as cluster/vault writes them: an integer as its digits, a
-- float as 'f' and its 8 bytes. Returns the sum, likewise; { 0 } if the key has
-- no number, { 1 } if it would be out of range.
local key, by = KEYS[1], ARGV[1]

-- What the text stands for, and whether it is an integer. No integer is
-- computed with here: Lua would round it.
local function read(text)
  if #text == 9 and string.sub(text, 1, 1) == 'f' then
    return struct.unpack('<d', text, 2), false
  end
  if string.find(text, '^%-?%d+$') then return tonumber(text), true end
end

local before = redis.call('GET', key)
if not before then
  redis.call('SET', key, by)
  if ARGV[2] ~= '' then redis.call('PEXPIRE', key, ARGV[2]) end
  return by
end
local a, a_is_whole = read(before)
local b, b_is_whole = read(by)
if not a then return { 0 } end
if a_is_whole and b_is_whole then
  local sum = redis.pcall('INCRBY', key, by)
  if type(sum) == 'number' then return redis.call('GET', key) end
  if string.find(sum.err, 'overflow', 1, true) then return { 1 } end
  return sum
end
local sum = 'f' .. struct.pack('<d', a + b)
redis.call('SET', key, sum, 'KEEPTTL')
return sum
