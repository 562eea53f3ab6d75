-- SPDX-License-Identifier: MIT
-- What the kernel keeps for a client that does not read.
local servers = require "spec.support.servers"

local serve = servers {
  scripts = { ["main.lua"] = [[
    local perigee = require "perigee"
    local message = { type = "pour", data = ("x"):rep(20000) }
    return {
      -- How many bytes are taken for a user before its socket is full.
      fill = function(_, user)
        local taken, refused = 0, 0
        repeat
          local count = perigee.send_to_user(user, message, { drop = true })
          taken, refused = taken + count, count == 0 and refused + 1 or 0
          perigee.sleep(0.001)
        until refused == 5
        return taken * #message.data
      end,
    }
  ]] },
  options = { ["limits.stall_s"] = 0, ["script.burst_ms"] = 20000 },
}

describe("The kernel keeps for a client that does not read", function()
  local function filled(bytes)
    local server = serve { ["limits.socket_bytes"] = bytes }
    server:connect "slow"
    return server:connect("watcher"):request("fill", "slow")
  end

  it("no more than limits.socket_bytes, and what is on its way", function()
    local few, as_shipped, many = filled "16KiB", filled(nil), filled(0)
    assert.is_true(few < as_shipped, few .. " " .. as_shipped)
    assert.is_true(as_shipped < many, as_shipped .. " " .. many)
    assert.is_true(as_shipped < 1024 * 1024, tostring(as_shipped))
  end)
end)
