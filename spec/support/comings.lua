-- SPDX-License-Identifier: MIT
-- Who comes and goes, as scripts say it in the logs of several machines.
local comings = {}

-- Rooms `here:…` have presence; the hooks say "came USER" and "went USER".
comings.script = [[
local perigee = require "perigee"
return {
  ["@rooms"] = { ["here:*"] = { presence = true } },
  ["@online"] = function(user) perigee.log.info("came " .. user) end,
  ["@offline"] = function(user) perigee.log.info("went " .. user) end,
}
]]

-- How often a server has logged a text that ends with a word.
function comings.count(server, text)
  return select(2, server:log():gsub(text .. "%f[%s]", ""))
end

return comings
