-- SPDX-License-Identifier: MIT
-- Servers that differ in a few options or scripts.
--
--   local start = servers { scripts = { ["main.lua"] = "…" },
--     options = { ["limits.burst"] = 3 } }
--   local server = start { ["limits.per_ip"] = 1 }
local t = require "perigee.testing"

local function joined(common, own)
  local all = {}
  for name, value in pairs(common or {}) do all[name] = value end
  for name, value in pairs(own or {}) do all[name] = value end
  return all
end

-- `common` is what t.server takes. The function it returns starts such a
-- server; its options and scripts come beside those, or in their place.
return function(common)
  return function(options, scripts)
    local own = { options = joined(common.options, options) }
    if common.scripts or scripts then
      own.scripts = joined(common.scripts, scripts)
    end
    return t.server(joined(common, own))
  end
end
