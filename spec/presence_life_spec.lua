-- SPDX-License-Identifier: MIT
-- Who counts as being in a room when connections are lost, and when the rule of
-- the room changes.
local roster = require "spec.support.roster"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    ["@rooms"] = { ["p:*"] = %s },
    kick = function(_, user) return perigee.kick(user) end,
    who = function(_, room)
      local list, code = perigee.presence(room)
      return { list = list, code = code }
    end,
  }
]]

local function start(options, rule)
  options["limits.per_ip"] = 0
  options["presence.every_ms"] = options["presence.every_ms"] or 20
  return t.server { options = options, scripts = {
    ["rooms.lua"] = SCRIPT:format(rule or "{ presence = true }") } }
end

local function users_of(list)
  local users = {}
  for _, entry in ipairs(list) do
    users[#users + 1] = entry.user
  end
  table.sort(users)
  return users
end

describe("A user without a session who is lost", function()
  local server

  after_each(function() server:stop() end)

  local function enter(user)
    return roster.join(server:connect { user = user }, "p:1")
  end

  it("counts as being there for presence.grace_s, and his return is no news",
    function()
      server = start { ["presence.grace_s"] = 60 }
      local alice = enter "alice"
      local bob, carol = enter "bob", enter "carol"
      alice:wait { alice = 1, bob = 1, carol = 1 }
      bob.client:drop()
      carol.client:close()
      local watcher = enter "dave"
      assert.same({ alice = 1, bob = 1, carol = 1, dave = 1 },
        watcher:devices())
      enter "bob"
      enter "carol"
      enter "eve"
      alice:wait { alice = 1, bob = 1, carol = 1, dave = 1, eve = 1 }
      assert.is_true(alice.messages <= 5) -- each of the five, once
    end)

  it("is gone after that", function()
    server = start { ["presence.grace_s"] = 0.2 }
    local alice, bob = enter "alice", enter "bob"
    alice:wait { alice = 1, bob = 1 }
    bob.client:drop()
    alice:wait { alice = 1 }
    local again = enter "bob"
    alice:wait { alice = 1, bob = 1 }
    again.client:drop()
    alice.client:drop()
    local carol = server:connect { user = "carol" }
    t.wait_until(function() -- nobody was there to be told
      return #carol:request("who", "p:1").list == 0
    end)
    assert.same({ carol = 1 }, roster.join(carol, "p:1"):devices())
  end)

  it("has no grace if he leaves the room, or is kicked", function()
    server = start { ["presence.grace_s"] = 60 }
    local alice, bob = enter "alice", enter "bob"
    enter "carol"
    alice:wait { alice = 1, bob = 1, carol = 1 }
    bob.client:leave "p:1"
    alice.client:request("kick", "carol")
    alice:wait { alice = 1 }
  end)
end)

describe("A reload", function()
  local server

  after_each(function() server:stop() end)

  local function load_rule(rule)
    server:write("rooms.lua", SCRIPT:format(rule))
    server:reload()
  end

  it("that brings a rule tells members of those who are there", function()
    server = start({}, "{}")
    local clients = {}
    for i = 1, 6 do
      clients[i] = server:connect { user = "u" .. i }
      assert.equal(t.null, clients[i]:join "p:1")
    end
    assert.equal("NOT_FOUND", clients[1]:request("who", "p:1").code)
    load_rule "{ presence = true }"
    local expected = { u1 = 1, u2 = 1, u3 = 1, u4 = 1, u5 = 1, u6 = 1 }
    for i = 1, 6 do
      setmetatable({ client = clients[i], room = "p:1", users = {},
        messages = 0 }, roster):wait(expected)
    end
    assert.equal(6, #clients[1]:request("who", "p:1").list)
    clients[6]:drop()
    assert.equal("u6", clients[1]:expect("presence").data.left[1])
  end)

  it("that takes it away tells nobody anything any more", function()
    server = start {}
    local alice = roster.join(server:connect { user = "alice" }, "p:1")
    local bob = roster.join(server:connect { user = "bob" }, "p:1")
    alice:wait { alice = 1, bob = 1 }
    load_rule "{}"
    bob.client:leave "p:1"
    assert.equal(t.null, bob.client:join "p:1")
    assert.equal("NOT_FOUND", alice.client:request("who", "p:1").code)
    load_rule "{ presence = true }"
    local again = setmetatable({ client = alice.client, room = "p:1",
      users = {}, messages = 0 }, roster)
    again:wait { alice = 1, bob = 1 }
    assert.equal(1, again.messages)
  end)

  it("may make a number of a list, and a list of a number", function()
    server = start {}
    local alice = roster.join(server:connect { user = "alice" }, "p:1")
    roster.join(server:connect { user = "bob" }, "p:1")
    alice:wait { alice = 1, bob = 1 }
    load_rule [[{ presence = "count" }]]
    assert.same({ count = 2 }, alice.client:expect("presence").data)
    local carol = server:connect { user = "carol" }
    assert.same({ count = 3 }, carol:join("p:1").presence)
    assert.same({ count = 3 }, alice.client:expect("presence").data)
    load_rule "{ presence = true }"
    setmetatable({ client = alice.client, room = "p:1", users = {},
      messages = 0 }, roster):wait { alice = 1, bob = 1, carol = 1 }
  end)

  it("keeps who is there, what they say, and since when", function()
    server = start {}
    local alice = roster.join(server:connect { user = "alice" }, "p:1")
    alice:take()
    local before = alice.client:request("who", "p:1").list
    server:reload()
    assert.same(before, alice.client:request("who", "p:1").list)
    assert.same({ "alice" }, users_of(before))
    roster.join(server:connect { user = "bob" }, "p:1")
    assert.equal("bob", alice:take().joined[1].user)
  end)
end)
