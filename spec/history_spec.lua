-- SPDX-License-Identifier: MIT
-- Rooms whose messages have numbers: what members get, and what send_to_room
-- answers.
local t = require "perigee.testing"

describe("A room with a history", function()
  local server

  lazy_setup(function()
    server = t.server {
      options = { ["limits.per_ip"] = 0 },
      scripts = {
        ["main.lua"] = [[
          local perigee = require "perigee"
          return {
            ["@rooms"] = {
              ["chat:*"] = { history = { messages = 5, seconds = 60 } },
              ["price:*"] = { latest = true },
            },
            say = function(client, data)
              local opts = data.opts or {}
              if data.except_me then opts.except = client end
              local count, seq = perigee.send_to_room(data.room,
                { type = "said", data = data.text }, opts)
              return { count = count, seq = seq }
            end,
            mixed = function(client, data)
              for i = 1, data.n do
                perigee.send_to_room(data.room, { type = "mixed",
                  data = { from = client.user_id, i = i } },
                  { keep = i % 3 ~= 0 })
              end
            end,
            many = function(_, data)
              for i = 1, data.n do
                perigee.send_to_room(data.room, { type = "said", data = i })
              end
            end,
          }
        ]],
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  local rooms = 0
  local function new_room(prefix)
    rooms = rooms + 1
    return prefix .. rooms
  end

  local function in_room(user, room)
    local client = server:connect { user = user }
    local _, code = client:try("join", { room = room })
    assert.is_nil(code)
    return client
  end

  local function say(client, room, text, more)
    local data = { room = room, text = text }
    for key, value in pairs(more or {}) do data[key] = value end
    return client:request("say", data)
  end

  it("numbers its messages, for all members alike", function()
    local room = new_room "chat:"
    local alice, bob = in_room("alice", room), in_room("bob", room)
    assert.same({ count = 2, seq = 1 }, say(alice, room, "one"))
    assert.same({ count = 2, seq = 2 }, say(bob, room, "two"))
    for _, client in ipairs { alice, bob } do
      for seq, text in ipairs { "one", "two" } do
        local message = client:expect "said"
        assert.equal(seq, message.seq)
        assert.equal(text, message.data)
        assert.equal(room, message.room)
      end
    end
  end)

  it("numbers also what nobody is there for", function()
    local room = new_room "chat:"
    local alice = server:connect { user = "alice" }
    assert.same({ count = 0, seq = 1 }, say(alice, room, "one"))
    local bob = in_room("bob", room)
    assert.same({ count = 1, seq = 2 }, say(alice, room, "two"))
    assert.equal(2, bob:expect("said").seq)
  end)

  it("has one order for all members, whoever sends", function()
    local room = new_room "chat:"
    local clients = {}
    for i = 1, 8 do clients[i] = in_room("user" .. i, room) end
    for _ = 1, 5 do
      for _, client in ipairs(clients) do
        client:send("many", { room = room, n = 5 })
      end
    end
    local first = {}
    for i, client in ipairs(clients) do
      for seq = 1, 200 do
        local message = client:expect "said"
        assert.equal(seq, message.seq)
        first[seq] = first[seq] or message.data
        assert.equal(first[seq], message.data, "client " .. i)
      end
    end
  end)

  it("has the messages of one sender in order, kept or not", function()
    local room = new_room "chat:"
    local clients = {}
    for i = 1, 6 do clients[i] = in_room("user" .. i, room) end
    for _ = 1, 3 do
      for _, client in ipairs(clients) do
        client:send("mixed", { room = room, n = 12 })
      end
    end
    for _, client in ipairs(clients) do
      local last = {}
      for _ = 1, 6 * 3 * 12 do
        local data = client:expect("mixed").data
        assert.equal((last[data.from] or 0) % 12 + 1, data.i)
        last[data.from] = data.i
      end
    end
  end)

  it("counts each room on its own, and no room without a rule", function()
    local room, plain = new_room "chat:", new_room "plain:"
    local alice = in_room("alice", room)
    alice:request("join", { room = plain })
    assert.same({ count = 1 }, say(alice, plain, "plain"))
    assert.is_nil(alice:expect("said").seq)
    assert.same({ count = 1, seq = 1 }, say(alice, room, "kept"))
  end)

  it("has no number for what is not kept", function()
    local room = new_room "chat:"
    local alice, bob = in_room("alice", room), in_room("bob", room)
    assert.same({ count = 2 },
      say(alice, room, "typing", { opts = { keep = false } }))
    assert.same({ count = 1 }, say(alice, room, "hi", { except_me = true }))
    assert.same({ count = 2, seq = 1 }, say(alice, room, "kept"))
    assert.is_nil(bob:expect("said").seq)
    assert.is_nil(bob:expect("said").seq)
    assert.equal(1, bob:expect("said").seq)
    assert.equal("typing", alice:expect("said").data)
    assert.equal(1, alice:expect("said").seq)
  end)

  it("keeps what one member does not get, if it is told to", function()
    local room = new_room "chat:"
    local alice, bob = in_room("alice", room), in_room("bob", room)
    local opts = { keep = true }
    say(alice, room, "one", { except_me = true, opts = opts })
    assert.equal(1, bob:expect("said").seq)
    say(alice, room, "two")
    assert.equal(2, alice:expect("said").seq)
  end)

  it("gives no number to what may be dropped, unless it is to be kept", function()
    local room = new_room "chat:"
    local alice = in_room("alice", room)
    assert.same({ count = 1 }, say(alice, room, "one", { opts = { drop = true } }))
    assert.is_nil(alice:expect("said").seq)
    local opts = { drop = true, keep = true }
    assert.same({ count = 1, seq = 1 }, say(alice, room, "two", { opts = opts }))
    assert.equal(1, alice:expect("said").seq)
  end)

  it("takes a message with an id once", function()
    local room, plain = new_room "chat:", new_room "plain:"
    local alice = in_room("alice", room)
    local opts = { id = "order-17" }
    say(alice, room, "zero")
    assert.same({ count = 1, seq = 2 }, say(alice, room, "a", { opts = opts }))
    assert.same({ count = 1, seq = 3 }, say(alice, room, "b"))
    assert.same({ count = 0, seq = 2 }, say(alice, room, "a", { opts = opts }))
    for _, text in ipairs { "zero", "a", "b" } do
      assert.equal(text, alice:expect("said").data)
    end
    alice:request("join", { room = plain })
    assert.same({ count = 1 }, say(alice, plain, "c", { opts = opts }))
    assert.same({ count = 0 }, say(alice, plain, "c", { opts = opts }))
    assert.equal("c", alice:expect("said").data)
    alice:expect_nothing()
  end)

  it("wants texts as key and id", function()
    local alice = server:connect { user = "alice" }
    for _, opts in ipairs { { key = 1 }, { id = "" }, { id = true },
      { key = ("x"):rep(129) } } do
      local _, code = alice:try("say", { room = "chat:0", opts = opts })
      assert.equal("HANDLER_ERROR", code)
    end
    server:wait_log "opts.key must be a string, not a number"
    server:wait_log "opts.id has 1 to 128 bytes"
  end)

  it("is no room if its name is none", function()
    local alice = server:connect { user = "alice" }
    local long = "chat:" .. ("x"):rep(200)
    assert.same({ count = 0 },
      say(alice, long, "x", { opts = { id = "a", key = "b" } }))
    assert.same({ count = 0 }, say(alice, "chat:\n", "x"))
  end)
end)
