-- SPDX-License-Identifier: MIT
-- A machine says that it lives, and hears who does not.
--
-- KEYS: machine → end of its lease, ms of this clock; machine → what it says of
--   itself; whether this one was taken out; who claims to be alone
-- ARGV: machine, ms that its lease lasts from now on, what it says of itself,
--   how many that are over it wants to hear of, whether it had a lease (1, or 0
--   if it knows of none), ms for which it claims to be alone ('': it does not)
-- Returns { 1, how many others there are, ms for which another one claims to be
--   alone, that one or '', others whose lease is over… }. Without others and
--   such a one, its own claim was granted. A machine that was taken for dead gets
--   no lease, and has to take another name: { 0, 1 }; or { 0, 0 } if nothing is
--   known of it, or nothing but an entry that others have seen (notice.lua): then
--   the rest of what it had written is lost.
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local ends = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]))
if (ends and ends < 0) or redis.call('EXISTS', KEYS[3]) == 1 then return { 0, 1 } end
if ARGV[5] == '1' and (not ends or redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0) then
  return { 0, 0 }
end
redis.call('ZADD', KEYS[1], ms + ARGV[2], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
local others = redis.call('ZCARD', KEYS[1]) - 1
local wait, alone = 0, redis.call('GET', KEYS[4])
if alone and alone ~= ARGV[1] then
  wait = redis.call('PTTL', KEYS[4])
elseif others == 0 and ARGV[6] ~= '' then
  redis.call('SET', KEYS[4], ARGV[1], 'PX', ARGV[6])
end
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ms, 'LIMIT', 0, ARGV[4])
local answer = { 1, others, wait, wait > 0 and alone or '' }
for i = 1, #over do answer[4 + i] = over[i] end
return answer
