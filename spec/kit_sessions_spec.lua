-- SPDX-License-Identifier: MIT
-- The test kit's clients whose connection is lost, as the server sees it.
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    is_online = function(_, user) return perigee.is_online(user) end,
    ["@disconnect"] = function(client, reason)
      perigee.broadcast { type = "gone", data = { user = client.user_id,
        reason = reason } }
    end,
  }
]]

describe("The kit's connections", function()
  local server, bob

  lazy_setup(function()
    server = t.server { scripts = { ["main.lua"] = SCRIPT } }
  end)

  before_each(function()
    bob = server:connect "bob"
  end)

  for _, how in ipairs { "end", "reset" } do
    it("are cut: " .. how, function()
      local alice = server:connect "alice"
      alice:cut(how)
      assert.equal("alice", bob:expect("gone").data.user)
    end)
  end

  it("are half-open: the server sees nothing", function()
    local alice = server:connect "alice"
    alice:cut "half-open"
    bob:expect_nothing "gone"
    assert.is_true(bob:request("is_online", "alice"))
  end)
end)
