-- SPDX-License-Identifier: MIT
-- How somebody is, on one machine, in a room; or that a user is there at all. Or
-- that a machine is dead: then another one takes all out that it had of the name.
--
-- That a user has come, or has gone, is claimed by the machine that will say it,
-- and acknowledged (ledger_ack.lua) when it has; before that nobody claims the
-- next one. The claim: '+' (he has come) or '-', then the machine and its number,
-- until it is acknowledged. What was acknowledged and is not so any more stays as
-- '+' or '-'. Else there is none: what was said is what is there.
--
-- KEYS: entries of that machine; machines that have some; fences of who asks, and
--   of that machine; of a user, the claim
-- ARGV: whose entries, who asks, field, value ('': there is none any more),
--   channel, message, number of this question, whether one with a smaller number
--   may come late (1 or 0), what was said of the user as far as is known ('+',
--   '-' or ''), who that was before ('': nobody), seconds that a claim lives,
--   seconds that a fence does; the list of what the machine has entries of, if it
--   is here (else ''), and what is to stand there
-- Returns what is to be done, and a claim. 1: who asks says it, 2: he asks again
--   soon, 3: both, 0: neither, -1: nothing was done, it is too late.
local entries, machines, fence, claim = KEYS[1], KEYS[2], KEYS[3], KEYS[5]
local whose, me, field, value = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local number, is_dead = ARGV[7], ARGV[1] ~= ARGV[2]
local NEVER = '9007199254740992' -- no number is as high; and 16 bytes

-- What comes late was on a connection that broke, and all of that was written
-- again since, or it is of a machine that is dead.
local first = redis.call('GET', fence)
if first and tonumber(first:match '^%d+') > tonumber(number) then return { -1, '' } end
if value ~= '' and ARGV[13] ~= '' then
  local added = redis.pcall('SADD', ARGV[13], ARGV[14])
  if type(added) == 'table' then return { -1, '' } end -- lua/redis/condemned.lua
end
if ARGV[8] == '1' then redis.call('SET', fence, number, 'EX', ARGV[12]) end

local text = claim and redis.call('GET', claim) or ''
local sign, by = text:sub(1, 1), text:sub(2, 17)
local before = redis.call('SCARD', machines)
if ARGV[9] == '-' then before = before - redis.call('SISMEMBER', machines, whose) end

if is_dead then
  redis.call('UNLINK', entries)
  redis.call('SREM', machines, whose)
  -- Who it is about may live, and hear of what became of its claim.
  local last = redis.call('GET', KEYS[4])
  if by == whose or not last or last:sub(1, #NEVER) ~= NEVER then
    redis.call('SET', KEYS[4], NEVER .. (by == whose and '?' .. text or ''), 'EX', ARGV[12])
  end
else
  if value ~= '' then
    redis.call('HSET', entries, field, value)
    redis.call('SADD', machines, me)
  else
    redis.call('HDEL', entries, field)
    if redis.call('EXISTS', entries) == 0 then redis.call('SREM', machines, me) end
  end
  redis.call('PUBLISH', ARGV[5], ARGV[6])
end
if not claim then return { 0, '' } end

local now = redis.call('SCARD', machines) > 0 and '+' or '-'
local said
if is_dead and by == whose then
  said = sign == '+' and '-' or '+' -- it died, and has not said it
elseif by ~= '' and (by == me or by == ARGV[10]) then -- the answer was lost
  text = sign .. me .. (by == me and text:sub(18) or number)
  redis.call('SET', claim, text, 'EX', ARGV[11])
  return { sign == now and 1 or 3, text }
elseif by ~= '' then
  return { 2, text }
elseif sign ~= '' then
  said = sign
else
  said = (before > 0 or ARGV[9] == '+') and '+' or '-'
end
if said == now then
  if text ~= '' then redis.call('DEL', claim) end
  return { 0, '' }
end
text = now .. me .. number
redis.call('SET', claim, text, 'EX', ARGV[11])
return { 1, text }
