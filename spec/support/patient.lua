-- SPDX-License-Identifier: MIT
-- A request that is made again while its answer is UNAVAILABLE: Redis is away,
-- or is back since a moment ago. Returns what it has at last; or nil, code.
local t = require "perigee.testing"

return function(client, type, data)
  local answer, code
  t.wait_until(function()
    answer, code = client:try(type, data)
    return code ~= "UNAVAILABLE"
  end)
  return answer, code
end
