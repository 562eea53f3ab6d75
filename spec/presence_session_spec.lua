-- SPDX-License-Identifier: MIT
-- Who counts as being in a room while sessions wait for their clients.
local roster = require "spec.support.roster"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    ["@rooms"] = { ["p:*"] = { presence = true } },
    ["@away"] = function(client)
      perigee.broadcast { type = "away", data = client.user_id }
    end,
    ["@online"] = function(user) perigee.store.incr("online:" .. user) end,
    ["@offline"] = function(user) perigee.store.incr("offline:" .. user) end,
    turns = function(_, user)
      return { online = perigee.store.get("online:" .. user) or 0,
        offline = perigee.store.get("offline:" .. user) or 0 }
    end,
  }
]]

describe("A user with a session who is lost", function()
  local server

  after_each(function() server:stop() end)

  local function start(options)
    options["limits.per_ip"] = 0
    options["presence.every_ms"] = 20
    server = t.server { options = options, scripts = { ["r.lua"] = SCRIPT } }
  end

  local function enter(user, session)
    return roster.join(server:connect { user = user, session = session },
      "p:1")
  end

  it("counts as being there while the session waits: others see no blink",
    function()
      start {}
      local alice = enter "alice"
      local bob = enter("bob", true)
      alice:wait { alice = 1, bob = 1 }
      bob:wait { alice = 1, bob = 1 }
      bob.client:cut "reset"
      alice.client:expect("away", "bob")
      local carol = enter "carol"
      assert.same({ alice = 1, bob = 1, carol = 1 }, carol:devices())
      alice:wait { alice = 1, bob = 1, carol = 1 }
      assert.is_true(bob.client:resume().session.resumed)
      bob:wait { alice = 1, bob = 1, carol = 1 }
      bob.client:expect_nothing "presence"
      alice.client:expect_nothing "presence"
      assert.same({ online = 1, offline = 0 },
        alice.client:request("turns", "bob"))
    end)

  it("is gone when the session is over, without another grace", function()
    start { ["session.keep_s"] = 0.3, ["presence.grace_s"] = 60 }
    local alice = enter "alice"
    local bob = enter("bob", true)
    alice:wait { alice = 1, bob = 1 }
    bob.client:cut "reset"
    alice.client:expect("away", "bob")
    alice:wait { alice = 1 }
    t.wait_until(function()
      return alice.client:request("turns", "bob").offline == 1
    end)
  end)

  it("is gone at once when the client says goodbye", function()
    start { ["presence.grace_s"] = 60 }
    local alice = enter "alice"
    local bob = enter("bob", true)
    alice:wait { alice = 1, bob = 1 }
    bob.client:close(1000)
    alice:wait { alice = 1 }
  end)
end)
