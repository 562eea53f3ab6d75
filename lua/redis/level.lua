-- SPDX-License-Identifier: MIT
-- A rate of a user, of which several machines take.
--
-- KEYS: the rate; ARGV: how much was taken, how much is refilled in a second
-- Returns how much is taken by all and not refilled, as a text.
local WEEK_MS = 604800000
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local taken, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local spent, at = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+) (%d+)$')
if spent then
  taken = taken + math.max(0, spent - rate * math.max(0, ms - at) / 1000)
end
local lives = math.min(WEEK_MS, math.ceil(taken / rate * 1000) + 1000)
redis.call('SET', KEYS[1], string.format('%.6f %.0f', taken, ms), 'PX', lives)
return string.format('%.6f', taken)
