-- SPDX-License-Identifier: MIT
-- Rooms with `presence = true`: members know who is there.
local roster = require "spec.support.roster"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    ["@rooms"] = { ["p:*"] = { presence = true } },
    ["@join"] = function(_, room)
      if room == "p:topic" then
        return { topic = "Lua" }
      elseif room == "p:list" then
        return perigee.json.array { 1, 2 }
      elseif room == "p:closed" then
        return nil, "room.closed"
      end
    end,
    enter = function(client, room) return client:join(room) end,
    -- Clients of other workers, too.
    take = function(_, data)
      for _, client in ipairs(perigee.clients_of(data.user)) do
        client[data.method](client, data.room)
      end
    end,
    kick = function(_, user) return perigee.kick(user) end,
    say = function(_, room)
      return perigee.send_to_room(room, { type = "said" })
    end,
    who = function(_, room) return perigee.presence(room) end,
  }
]]

describe("A room with presence", function()
  local server

  lazy_setup(function()
    server = t.server {
      options = { ["limits.per_ip"] = 0, ["presence.every_ms"] = 20 },
      scripts = { ["rooms.lua"] = SCRIPT },
    }
  end)

  lazy_teardown(function() server:stop() end)

  local function enter(user, room)
    return roster.join(server:connect { user = user }, room)
  end

  it("tells who joins who is there, and the others that he has come",
    function()
      local alice = enter("alice", "p:1")
      assert.same({ alice = 1 }, alice:devices())
      local bob = enter("bob", "p:1")
      assert.same({ alice = 1, bob = 1 }, bob:devices())
      local entry = bob.reply.presence[1]
      assert.equal("alice", entry.user)
      assert.is_true(math.abs(entry.since - os.time()) < 60)
      assert.is_nil(entry.info)
      assert.is_nil(bob.reply.more)
      alice:wait { alice = 1, bob = 1 }
      bob.client:leave "p:1"
      alice:wait { alice = 1 }
      assert.same({ "alice" }, { alice.client:request("who", "p:1")[1].user })
    end)

  it("shows users with their devices, and not connections", function()
    local alice = enter("alice", "p:2")
    local phone, laptop = enter("bob", "p:2"), enter("bob", "p:2")
    alice:wait { alice = 1, bob = 2 }
    phone.client:close()
    alice:wait { alice = 1, bob = 1 }
    assert.same({}, alice.client.inbox)
    laptop.client:drop()
    alice:wait { alice = 1 }
  end)

  it("shows those no longer who are kicked, or were closed", function()
    local alice = enter("alice", "p:3")
    enter("bob", "p:3")
    enter("carol", "p:3")
    alice:wait { alice = 1, bob = 1, carol = 1 }
    alice.client:request("kick", "bob")
    alice:wait { alice = 1, carol = 1 }
    alice.client:request("kick", "carol")
    alice:wait { alice = 1 }
  end)

  it("answers a second join with the list of then", function()
    local alice = enter("alice", "p:4")
    local bob = enter("bob", "p:4")
    assert.equal(1, #alice.reply.presence)
    assert.equal(2, #alice.client:join("p:4").presence)
    bob.client:sync()
    alice:wait { alice = 1, bob = 1 }
  end)

  it("adds the list to what @join has said", function()
    local alice = server:connect { user = "alice" }
    local reply = alice:join "p:topic"
    assert.equal("Lua", reply.topic)
    assert.equal("alice", reply.presence[1].user)
    reply = alice:join "p:list"
    assert.same({ 1, 2 }, reply.data)
    assert.equal("alice", reply.presence[1].user)
    assert.equal("room.closed", (alice:fails("join", { room = "p:closed" })))
    assert.same({}, alice:request("who", "p:closed"))
  end)

  it("tells those whom scripts put into it as well", function()
    local alice = enter("alice", "p:5")
    local bob = server:connect { user = "bob" }
    assert.is_true(bob:request("enter", "p:5"))
    assert.equal(2, #bob:expect("joined").data.presence)
    local carol = server:connect { user = "carol" }
    bob:request("take", { user = "carol", method = "join", room = "p:5" })
    assert.equal(3, #carol:expect("joined").data.presence)
    alice:wait { alice = 1, bob = 1, carol = 1 }
    bob:request("take", { user = "carol", method = "leave", room = "p:5" })
    alice:wait { alice = 1, bob = 1 }
  end)

  it("is told to all members, on whatever worker", function()
    local members, expected = {}, {}
    for i = 1, 24 do
      members[i] = enter("m" .. i, "p:6")
      expected["m" .. i] = 1
    end
    for _, member in ipairs(members) do member:wait(expected) end
    for i = 2, 24, 2 do
      members[i].client:drop()
      expected["m" .. i] = nil
    end
    for i = 1, 24, 2 do members[i]:wait(expected) end
    for i = 1, 24, 2 do members[i].client:expect_nothing() end
  end)

  it("is nothing for rooms without a rule", function()
    local alice = server:connect { user = "alice" }
    local bob = server:connect { user = "bob" }
    assert.equal(t.null, alice:join "plain")
    bob:join "plain"
    bob:leave "plain"
    bob:join "p:7"
    assert.equal(1, bob:request("say", "plain"))
    assert.same({}, alice.inbox)
    alice:expect "said"
    alice:expect_nothing()
  end)
end)

describe("Comings and goings in a room with presence", function()
  local server

  after_each(function() server:stop() end)

  local function start(options)
    options["limits.per_ip"] = 0
    options["limits.messages_per_s"] = 0
    server = t.server { options = options, scripts = {
      ["rooms.lua"] = SCRIPT } }
  end

  it("are gathered; what came to nothing is not told", function()
    start { ["presence.every_ms"] = 1000 }
    local alice = roster.join(server:connect { user = "alice" }, "p:1")
    alice:take() -- of herself
    local others = {}
    for i = 1, 20 do
      others[i] = server:connect { user = "u" .. i }
    end
    local bob = server:connect { user = "bob" }
    -- Each at one go: however slow all of it is, that is within one window.
    for i = 1, 20 do
      others[i]:send("join", { room = "p:1" })
      others[i]:send("leave", { room = "p:1" })
    end
    for i = 1, 20 do others[i]:sync() end
    bob:join "p:1"
    alice:wait { alice = 1, bob = 1 }
    assert.is_true(alice.messages < 8)
  end)

  it("are told of so many users at once as list_max says", function()
    start { ["presence.every_ms"] = 50, ["presence.list_max"] = 3 }
    local expected, last = {}, nil
    local first = roster.join(server:connect { user = "u0" }, "p:1")
    for i = 1, 10 do
      last = server:connect { user = "u" .. i }
      last:send("join", { room = "p:1" }, i)
      expected["u" .. i] = 1
    end
    local reply = last:expect("reply").data
    assert.is_true(#reply.presence <= 3)
    assert.equal(11, #last:request("who", "p:1"))
    expected.u0 = 1
    for user in pairs(first.users) do assert.equal("u0", user) end
    while next(expected) do
      for _, entry in ipairs(first:take().joined) do
        expected[entry.user] = nil
      end
    end
    local late = server:connect({ user = "late" }):join "p:1"
    assert.equal(3, #late.presence)
    assert.equal(9, late.more)
  end)
end)
