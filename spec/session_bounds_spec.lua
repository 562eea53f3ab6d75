-- SPDX-License-Identifier: MIT
-- Sessions: what is kept is bounded, and what goes first.
local admin = require "spec.support.admin"
local sessions = require "spec.support.sessions"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    echo = function(_, data) return data end,
    tell = function(_, data)
      local count = 0
      for _ = 1, data.count do
        count = count + perigee.send_to_user(data.user,
          { type = "told", data = ("x"):rep(data.bytes) }, { drop = data.drop })
      end
      return count
    end,
    ["@away"] = function(client) perigee.log.info(client.user_id .. " @away") end,
    ["@disconnect"] = function(client, reason)
      perigee.log.info(client.user_id .. " @disconnect " .. reason)
    end,
  }
]]

local function start(options)
  options["limits.messages_per_s"] = 0
  options["limits.per_ip"] = 0
  return t.server { scripts = { ["main.lua"] = SCRIPT }, options = options }
end

local function metric(server, name)
  return admin.metric(server, ('perigee_%s{worker="1"}'):format(name))
end

local function park(server, session)
  session:cut()
  server:wait_log(session.user .. " @away")
end

describe("Sessions whose clients are away", function()
  it("are session.max at most: who is away longest is lost", function()
    local server = start { ["session.max"] = 2 }
    local all = {}
    for i = 1, 4 do
      all[i] = sessions.open(server, "user" .. i)
    end
    for i = 1, 4 do
      park(server, all[i])
    end
    server:wait_log "user1 @disconnect lost.*user2 @disconnect lost"
    assert.equal(2, metric(server, "sessions_shed_total"))
    assert.equal(2, metric(server, "sessions"))
    assert.equal(2, metric(server, "sessions_away"))
    assert.is_false(all[1]:ask().session.resumed)
    assert.is_true(all[3]:resume().session.resumed)
    assert.is_true(all[4]:resume().session.resumed)
    assert.equal(0, metric(server, "sessions_away"))
  end)

  it("give up a place that somebody was asked for when they were lost", function()
    local server = start { ["limits.per_user"] = 1, ["heartbeat.timeout_s"] = 0.5 }
    local alice = sessions.open(server, "alice")
    local second = server:connect { auth = false }
    second:send("auth", { token = server:token { sub = "alice" } })
    server:wait_log "user=alice has limits.per_user connections"
    alice:cut()
    second:expect "auth_ok"
    server:wait_log "alice @disconnect lost"
  end)

  it("end when too much is kept for all, before others lose anything", function()
    local server = start { ["session.replay_mb"] = 1,
      ["session.replay_bytes"] = 700000, ["script.burst_ms"] = 20000 }
    local other = server:connect { user = "other" }
    local first = sessions.open(server, "first")
    local second = sessions.open(server, "second")
    local live = sessions.open(server, "live")
    park(server, first)
    park(server, second)
    other:request("tell", { user = "first", count = 4, bytes = 100000 })
    other:request("tell", { user = "second", count = 3, bytes = 100000 })
    assert.is_true(metric(server, "replay_bytes") >= 700000)
    other:request("tell", { user = "live", count = 4, bytes = 100000 })
    server:wait_log "first @disconnect lost"
    assert.is_true(metric(server, "replay_bytes") <= 1 << 20)
    local function count(session)
      session.received = 0
      session.client.inbox = {}
      assert.is_true(session:ask(0).session.resumed)
      session:sync()
      return #session.client.inbox
    end
    assert.equal(3, count(second))
    assert.equal(4, count(live))
  end)

  it("end when more is sent to one of them than is kept for one", function()
    local server = start { ["session.replay_bytes"] = 10000 }
    local other = server:connect { user = "other" }
    local alice = sessions.open(server, "alice")
    park(server, alice)
    assert.equal(9, other:request("tell",
      { user = "alice", count = 20, bytes = 1000 }))
    server:wait_log "alice @disconnect slow_consumer"
    assert.equal(0, metric(server, "replay_bytes"))
    assert.equal(0, metric(server, "sessions"))
  end)

  it("are left out by what may be dropped", function()
    local server = start { ["session.replay_bytes"] = 10000 }
    local other = server:connect { user = "other" }
    local alice = sessions.open(server, "alice")
    park(server, alice)
    assert.equal(0, other:request("tell",
      { user = "alice", count = 20, bytes = 1000, drop = true }))
    alice:resume()
    alice:expect_nothing()
  end)
end)

describe("A session whose client is there", function()
  it("loses the oldest, and cannot be resumed without them", function()
    local server = start { ["session.replay_bytes"] = 10000 }
    local other = server:connect { user = "other" }
    local alice = sessions.open(server, "alice")
    other:request("tell", { user = "alice", count = 20, bytes = 1000 })
    assert.is_true(metric(server, "replay_bytes") <= 10000)
    park(server, alice)
    alice.client.inbox = {}
    assert.is_false(alice:ask(10).session.resumed)
    assert.equal(1, metric(server, "resume_missing_total"))
  end)

  it("goes on with what is kept", function()
    local server = start { ["session.replay_bytes"] = 10000 }
    local other = server:connect { user = "other" }
    local alice = sessions.open(server, "alice")
    other:request("tell", { user = "alice", count = 20, bytes = 1000 })
    park(server, alice)
    alice.client.inbox = {}
    assert.is_true(alice:ask(11).session.resumed)
    alice:sync()
    assert.equal(9, #alice.client.inbox)
    assert.equal(9, metric(server, "replayed_total"))
  end)

  it("loses the oldest of its own when too much is kept for all", function()
    local server = start { ["session.replay_mb"] = 1,
      ["session.replay_bytes"] = 700000, ["script.burst_ms"] = 20000 }
    local other = server:connect { user = "other" }
    local first = sessions.open(server, "first")
    local second = sessions.open(server, "second")
    other:request("tell", { user = "first", count = 6, bytes = 100000 })
    other:request("tell", { user = "second", count = 6, bytes = 100000 })
    assert.is_true(metric(server, "replay_bytes") <= 1 << 20)
    first.received, second.received = 0, 0
    assert.is_true(first:ask(0).session.resumed)
    assert.is_false(second:ask(0).session.resumed)
  end)
end)
