-- SPDX-License-Identifier: MIT
-- All entries of a name, of all machines.
--
-- KEYS: the machines that have some; ARGV: how keys of entries begin
-- Returns { machine, { field, value, … }, … }.
local found = {}
for _, machine in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  found[#found + 1] = machine
  found[#found + 1] = redis.call('HGETALL', ARGV[1] .. machine)
end
return found
