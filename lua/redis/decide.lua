-- SPDX-License-Identifier: MIT
-- Machines decide something, once: what is proposed first counts. All of them
-- are told what it was, each time that somebody proposes something.
--
-- KEYS: the decision; ARGV: what is proposed, seconds that it is known, channel
--   of all, what they are told before the decision
-- Returns the decision.
local decision = redis.call('GET', KEYS[1])
if not decision then
  decision = ARGV[1]
  redis.call('SET', KEYS[1], decision, 'EX', ARGV[2])
end
redis.call('PUBLISH', ARGV[3], ARGV[4] .. decision)
return decision
