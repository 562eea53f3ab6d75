-- SPDX-License-Identifier: MIT
-- Sessions: both sides count, and only counts are exchanged.
local sessions = require "spec.support.sessions"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    echo = function(_, data) return data end,
    pour = function(client, data)
      for i = 1, data.count do
        client:send { type = "drop", data = ("x"):rep(data.bytes or 1) .. i }
      end
    end,
    strict = { schema = { n = "integer" }, handler = function() end },
  }
]]

local function start(options)
  options = options or {}
  options["limits.messages_per_s"] = options["limits.messages_per_s"] or 0
  return t.server { scripts = { ["main.lua"] = SCRIPT }, options = options }
end

describe("A session", function()
  it("is what a client asks for, and nothing else changes", function()
    local server = start()
    local plain = server:connect { user = "plain" }
    assert.is_nil(plain.info.session)
    plain:send "ping"
    assert.same({ type = "pong" }, plain:expect "pong")
    local alice = sessions.open(server, "alice")
    assert.equal(30000, alice.info.keep_ms)
    assert.is_nil(alice.info.resumed)
    assert.matches("^[%w_-]+$", alice.id)
    assert.is_true(#alice.id >= 22) -- 128 bits, at least
    assert.not_equal(alice.id, sessions.open(server, "alice").id)
  end)

  it("is not given where session.keep_s is 0, or something else was asked",
    function()
      local server = start { ["session.keep_s"] = 0 }
      assert.is_nil(sessions.open(server, "alice").info)
      local other = start()
      for _, wish in ipairs { "true", '"x"', "[]", "null", "1" } do
        local client = other:connect { auth = false }
        client:send_text(('{"type":"auth","data":{"token":"%s","session":%s}}')
          :format(other:token { sub = "bob" }, wish))
        assert.is_nil(client:expect("auth_ok").data.session)
      end
    end)

  it("that nobody has is answered with a new one", function()
    local server = start()
    local alice = sessions.open(server, "alice")
    local id = alice.id
    for _, wrong in ipairs { "x", "", "AAAA", ("A"):rep(32), ("A"):rep(31),
      id .. "A", id:sub(1, -2), id:gsub("^....", "____"), "ä" } do
      local bob = sessions.open(server, "bob")
      bob:ask(0, wrong)
      assert.is_false(bob.info.resumed)
      assert.not_equal(wrong, bob.info.id)
      assert.equal(0, bob:told())
    end
  end)

  it("counts what comes, but what keeps the connection going", function()
    local server = start()
    local alice = sessions.open(server, "alice")
    assert.equal(0, alice:told())
    alice:request("echo", 1)
    alice:send("echo", 2)
    alice:sync()
    alice:send "pong"
    alice:send("auth", { token = server:token { sub = "alice" } })
    alice:expect "auth_ok"
    assert.equal(2, alice:told())
    -- Also what is refused.
    alice:send "nobody.has.this"
    alice:fails("strict", { n = "x" })
    alice.client:send_text "{"
    alice.client:send_text '{"no":"type"}'
    assert.equal(6, alice:told())
    assert.equal(alice.sent, alice:told())
  end)

  it("counts what a rate refuses", function()
    local server = start { ["limits.messages_per_s"] = 1, ["limits.burst"] = 3,
      ["heartbeat.interval_s"] = 0.2 }
    local alice = sessions.open(server, "alice")
    for i = 1, 10 do
      alice:send("echo", i)
    end
    alice:expect("ping", { received = 10 })
    assert.matches("RATE_LIMITED", t.encode(alice.client.inbox))
  end)

  it("counts what stands behind the auth that asks for it", function()
    local server = start()
    local alice = server:connect { auth = false }
    alice:send_text(t.encode { type = "auth", data = {
      token = server:token { sub = "alice" }, session = {} } })
    for i = 1, 3 do
      alice:send("echo", i, i)
    end
    for i = 1, 3 do
      assert.equal(i, alice:expect("reply").data)
    end
    alice:send "ping"
    assert.equal(3, alice:expect("pong").data.received)
  end)

  it("tells with each ping what it has received", function()
    local server = start { ["heartbeat.interval_s"] = 0.1 }
    local alice = sessions.open(server, "alice")
    alice:expect("ping", { received = 0 })
    alice:request("echo", 1)
    alice:expect("ping", { received = 1 })
    alice:send("ping", nil, 7)
    alice:expect("pong", { received = 1 })
  end)

  it("asks at once for what was received, when half of its room is used",
    function()
      local server = start { ["heartbeat.interval_s"] = 3600,
        ["session.replay_bytes"] = 4096 }
      local alice = sessions.open(server, "alice")
      alice:request("pour", { count = 10, bytes = 100 })
      alice:sync()
      assert.equal(0, alice.pings)
      alice:request("pour", { count = 20, bytes = 100 })
      alice:request("pour", { count = 20, bytes = 100 })
      alice:sync()
      assert.equal(1, alice.pings) -- it was not asked twice
      alice:ack()
      alice:request("pour", { count = 20, bytes = 100 })
      alice:sync()
      assert.equal(2, alice.pings)
      -- What cannot be is not believed.
      alice:send("pong", { received = 100000 })
      alice:send("pong", { received = -1 })
      alice:send("pong", { received = "x" })
      alice:send("pong", { received = 1e300 })
      alice:send("pong", "x")
      alice:request("echo", 1)
    end)
end)
