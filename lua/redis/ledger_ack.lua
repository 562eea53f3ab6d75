-- SPDX-License-Identifier: MIT
-- What was claimed of a user (ledger_put.lua) has been said.
--
-- KEYS: the claim, machines that have the user, the fence of who has said it
-- ARGV: the claim, seconds that it lives
-- Returns 1, or 0 if that is known, or 2 if others took the machine for dead
--   meanwhile, and its claim back: then it is noted now, if nobody else has said
--   the same; 3 if somebody has; -1: ask again.
local text, sign = redis.call('GET', KEYS[1]) or '', ARGV[1]:sub(1, 1)
local here = redis.call('SCARD', KEYS[2]) > 0 and '+' or '-'
if text == ARGV[1] then
  if sign == here then
    redis.call('DEL', KEYS[1])
  else
    redis.call('SET', KEYS[1], sign, 'EX', ARGV[2])
  end
  return 1
end
-- The fence has what became of it: see ledger_put.lua.
local fence = redis.call('GET', KEYS[3])
if not fence or fence:sub(18) ~= ARGV[1] then return 0 end
local became = tonumber(fence:sub(17, 17))
if became then return became end -- and this answer was lost
if #text > 1 then return -1 end
became = (text == '' and here or text) == sign and 3 or 2
redis.call('SET', KEYS[3], fence:sub(1, 16) .. became .. ARGV[1], 'KEEPTTL')
if became == 2 then redis.call('SET', KEYS[1], sign, 'EX', ARGV[2]) end
return became
