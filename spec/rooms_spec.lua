-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"

describe("A room", function()
  local server

  lazy_setup(function()
    server = t.server {
      options = { ["limits.per_ip"] = 0 },
      scripts = {
        ["rooms.lua"] = [[
          local perigee = require "perigee"
          return {
            say = function(_, data)
              return perigee.send_to_room(data.room,
                { type = "said", data = data.text })
            end,
            rooms = function(client) return client:rooms() end,
            all = function() return perigee.rooms() end,
            enter = function(client, room)
              return client:join(room) or false
            end,
            go = function(client, room) return client:leave(room) end,
            -- Clients of other workers, too.
            move = function(_, data)
              for _, client in ipairs(perigee.clients_of(data.user)) do
                client[data.method](client, data.room)
              end
            end,
            ["@connect"] = function(client)
              if client.claims.vip then client:join "vips" end
            end,
            ["@join"] = function(client, room)
              if room == "closed" then
                return nil, "room.closed", "Not today"
              elseif room == "open" then
                return true
              elseif room == "topic" then
                return { topic = "Lua", of = client.user_id }
              end
            end,
          }
        ]],
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  local function in_room(user, room)
    local client = server:connect { user = user }
    local _, code = client:try("join", { room = room })
    assert.is_nil(code)
    return client
  end

  it("carries what is said to its members, and only to them", function()
    local alice, bob = in_room("alice", "r1"), in_room("bob", "r1")
    local carol = in_room("carol", "r2")
    assert.equal(2, alice:request("say", { room = "r1", text = "hello" }))
    for _, client in ipairs { alice, bob } do
      local message = client:expect "said"
      assert.equal("hello", message.data)
      assert.equal("r1", message.room)
      client:expect_nothing()
    end
    carol:expect_nothing()
  end)

  -- The server writes to 64 of them before it looks for input again.
  it("carries everything in order to more members than one turn of the loop "
    .. "writes to", function()
    local crowd = {}
    for i = 1, 150 do crowd[i] = in_room("member" .. i, "crowd") end
    local speaker = server:connect { user = "speaker" }
    for n = 1, 5 do
      speaker:send("say", { room = "crowd", text = tostring(n) })
    end
    assert.equal(150, speaker:request("say", { room = "crowd", text = "6" }))
    for _, client in ipairs(crowd) do
      for n = 1, 6 do
        assert.equal(tostring(n), client:expect("said").data)
      end
      client:close()
    end
  end)

  it("is joined without an answer if there is no id", function()
    local alice = server:connect { user = "alice" }
    alice:send("join", { room = "quiet" })
    alice:expect_nothing()
    assert.same({ "quiet" }, alice:request "rooms")
    alice:send("leave", { room = "quiet" })
    alice:expect_nothing()
    assert.same({}, alice:request "rooms")
  end)

  it("is joined once, however often", function()
    local alice = in_room("alice", "twice")
    alice:request("join", { room = "twice" })
    assert.same({ "twice" }, alice:request "rooms")
    assert.equal(1, alice:request("say", { room = "twice", text = "1" }))
    alice:expect "said"
    alice:expect_nothing()
    alice:request("leave", { room = "twice" })
    assert.equal(0, alice:request("say", { room = "twice", text = "2" }))
    alice:expect_nothing()
  end)

  it("can be left, and then carries nothing more", function()
    local alice, bob = in_room("alice", "r3"), in_room("bob", "r3")
    local _, code = bob:try("leave", { room = "r3" })
    assert.is_nil(code)
    assert.equal(1, alice:request("say", { room = "r3", text = "gone?" }))
    alice:expect "said"
    bob:expect_nothing()
  end)

  it("forgets a member that hangs up", function()
    local alice, bob = in_room("alice", "r4"), in_room("bob", "r4")
    bob:drop()
    t.wait_until(function()
      return alice:request("say", { room = "r4", text = "still?" }) == 1
    end)
  end)

  it("disappears with its last member", function()
    local alice = in_room("alice", "short")
    local function exists()
      for _, name in ipairs(alice:request "all") do
        if name == "short" then return true end
      end
      return false
    end
    assert.is_true(exists())
    alice:request("leave", { room = "short" })
    assert.is_false(exists())
  end)

  it("has nobody in it at first", function()
    local alice = server:connect { user = "alice" }
    assert.equal(0, alice:request("say", { room = "empty", text = "?" }))
    alice:expect_nothing()
  end)

  it("may have any text as its name", function()
    for _, name in ipairs {
      "Büro 7 ☕", "a/b:c.d-e", "𝕽", "with \"quotes\" and \\", "0",
    } do
      local alice = in_room("alice", name)
      assert.same({ name }, alice:request "rooms")
      assert.equal(1, alice:request("say", { room = name, text = "x" }))
      assert.equal(name, alice:expect("said").room)
    end
  end)

  it("tells a client that a script has made it a member, or ended that",
    function()
      local alice, phone = server:connect "alice", server:connect "alice"
      assert.is_true(alice:request("enter", "topic"))
      assert.same({ type = "joined", room = "topic",
        data = { topic = "Lua", of = "alice" } }, alice:expect "joined")
      assert.is_true(alice:request("enter", "topic")) -- is in there
      alice:expect_nothing()
      alice:request("enter", "open")
      assert.same({ type = "joined", room = "open" }, alice:expect "joined")
      alice:request("enter", "plain")
      assert.same({ type = "joined", room = "plain" }, alice:expect "joined")
      alice:expect_nothing()
      assert.is_true(alice:request("go", "topic"))
      assert.same({ type = "left", room = "topic" }, alice:expect "left")
      assert.is_false(alice:request("go", "topic"))
      alice:expect_nothing()
      phone:expect_nothing()
    end)

  it("tells nobody of what a client does itself, or may not", function()
    local alice = server:connect "alice"
    alice:join "topic"
    alice:leave "topic"
    assert.is_false(alice:request("enter", "closed"))
    alice:request("move", { user = "alice", method = "join", room = "closed" })
    alice:request("move", { user = "alice", method = "leave", room = "x" })
    alice:join "topic"
    alice:request("move", { user = "alice", method = "join", room = "topic" })
    alice:expect_nothing()
  end)

  it("tells each device that a script moves, whoever asked", function()
    local alice, devices = server:connect "alice", {}
    for i = 1, 6 do devices[i] = server:connect "bob" end
    alice:request("move", { user = "bob", method = "join", room = "topic" })
    for _, device in ipairs(devices) do
      assert.same({ type = "joined", room = "topic",
        data = { topic = "Lua", of = "bob" } }, device:expect "joined")
    end
    assert.equal(6, alice:request("say", { room = "topic", text = "hi" }))
    alice:request("move", { user = "bob", method = "leave", room = "topic" })
    for _, device in ipairs(devices) do
      device:expect "said"
      assert.same({ type = "left", room = "topic" }, device:expect "left")
    end
    alice:expect_nothing()
  end)

  it("tells after auth_ok what @connect has joined", function()
    local alice = server:connect { user = "alice",
      claims = { sub = "alice", vip = true } }
    assert.equal("vips", alice:expect("joined").room)
    assert.same({ "vips" }, alice:request "rooms")
  end)

  it("whose name begins with ~ is for scripts alone", function()
    local alice = server:connect "alice"
    local name = "~seat 5"
    for _, kind in ipairs { "join", "leave" } do
      local code, text = alice:fails(kind, { room = name })
      assert.equal("FORBIDDEN", code)
      assert.matches("scripts only", text, 1, true)
    end
    assert.same({}, alice:request "rooms")
    alice:request("enter", name)
    assert.same({ type = "joined", room = name }, alice:expect "joined")
    assert.equal("FORBIDDEN", (alice:fails("leave", { room = name })))
    assert.same({ name }, alice:request "rooms")
    assert.equal(1, alice:request("say", { room = name, text = "hi" }))
    alice:request("go", name)
    assert.same({ type = "left", room = name }, alice:expect "left")
    assert.same({}, alice:request "rooms")
    alice:join "tilde~"
  end)

  for what, data in pairs {
    ["no data"] = "",
    ["no room"] = ',"data":{}',
    ["an empty name"] = ',"data":{"room":""}',
    ["a number"] = ',"data":{"room":5}',
    ["null"] = ',"data":{"room":null}',
    ["a list"] = ',"data":{"room":["r"]}',
    ["data that is no object"] = ',"data":"r"',
    ["a name of ten thousand bytes"] =
      ',"data":{"room":"' .. ("x"):rep(10000) .. '"}',
  } do
    it("cannot be joined or left with " .. what, function()
      local alice = server:connect { user = "alice" }
      for _, kind in ipairs { "join", "leave" } do
        alice:send_text(('{"type":"%s","id":1%s}'):format(kind, data))
        local answer = alice:expect "error"
        assert.equal(1, answer.id)
        assert.equal("BAD_REQUEST", answer.data.code)
      end
      assert.same({}, alice:request "rooms")
    end)
  end
end)
