-- SPDX-License-Identifier: MIT
-- What is kept of a room: read by members and by scripts, trimmed, forgotten.
local t = require "perigee.testing"
local admin = require "spec.support.admin"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    ["@rooms"] = {
      ["chat:*"] = { history = { messages = %d } },
      ["price:*"] = { latest = true },
      ["who"] = { presence = true },
    },
    say = function(_, data)
      return select(2, perigee.send_to_room(data.room,
        { type = data.type or "said", data = data.text }, data.opts))
    end,
    read = function(_, data)
      return perigee.history(data.room, data.query)
    end,
    forget = function(_, room) return perigee.forget(room) end,
    put_out = function(_, data)
      for _, client in ipairs(perigee.clients_of(data.user)) do
        client:leave(data.room)
      end
    end,
    ["@history"] = function(client, room, query)
      if query.limit == 7 then
        perigee.send_to_room(room, { type = "asked" })
        perigee.sleep(0.2)
      end
      if client.user_id == "mallory" or query.limit == 13 then
        return nil, "history.closed", "not " .. room
      end
    end,
  }
]]

describe("The history of a room", function()
  local server

  lazy_setup(function()
    server = t.server {
      options = { ["limits.per_ip"] = 0 },
      scripts = { ["main.lua"] = SCRIPT:format(5) },
    }
  end)

  lazy_teardown(function() server:stop() end)

  local rooms = 0
  local function new_room(prefix)
    rooms = rooms + 1
    return (prefix or "chat:") .. rooms
  end

  local function in_room(user, room)
    local client = server:connect { user = user }
    local _, code = client:try("join", { room = room })
    assert.is_nil(code)
    return client
  end

  local function say(client, room, n)
    for i = 1, n do
      client:request("say", { room = room, text = "m" .. i })
    end
  end

  -- "3:m3 4:m4"
  local function texts(page)
    local parts = {}
    for i, message in ipairs(page.messages) do
      assert.equal("said", message.type)
      parts[i] = ("%d:%s"):format(message.seq, message.data)
    end
    return table.concat(parts, " ")
  end

  it("is read by members, in pages", function()
    local room = new_room()
    local alice = in_room("alice", room)
    say(alice, room, 7)
    local before = os.time() * 1000
    local page = alice:request("history", { room = room })
    assert.equal("3:m3 4:m4 5:m5 6:m6 7:m7", texts(page))
    assert.equal(7, page.seq)
    assert.is_false(page.more)
    assert.is_string(page.epoch)
    assert.is_true(math.abs(page.messages[1].at - before) < 60000)
    for _, case in ipairs {
      { { limit = 2 }, "6:m6 7:m7", true },
      { { before = 6, limit = 2 }, "4:m4 5:m5", true },
      { { before = 5, limit = 2 }, "3:m3 4:m4", false },
      { { before = 0 }, "", false },
      { { after = 3, limit = 2 }, "4:m4 5:m5", true },
      { { after = 5 }, "6:m6 7:m7", false },
      { { after = 3, before = 6 }, "4:m4 5:m5", false },
      { { after = 7 }, "", false },
    } do
      local query = case[1]
      local answer = alice:request("read", { room = room, query = query })
      assert.equal(case[2], texts(answer))
      assert.equal(case[3], answer.more)
      query.room = room
      assert.same(answer, alice:request("history", query))
    end
  end)

  it("has messages as they were sent", function()
    local room = new_room()
    local alice = in_room("alice", room)
    for _, text in ipairs { { a = { 1, 2.5, "\"}" } }, { 1, 2 }, false } do
      alice:request("say", { room = room, text = text, type = "x.y" })
    end
    alice:request("say", { room = room, type = "bare" })
    local page = alice:request("history", { room = room })
    assert.same({ a = { 1, 2.5, "\"}" } }, page.messages[1].data)
    assert.same({ 1, 2 }, page.messages[2].data)
    assert.is_false(page.messages[3].data)
    assert.equal("x.y", page.messages[3].type)
    assert.is_nil(page.messages[4].data)
    assert.equal("bare", page.messages[4].type)
  end)

  it("is for members only, and the hook may refuse", function()
    local room = new_room()
    local alice, mallory = in_room("alice", room), in_room("mallory", room)
    local bob = server:connect { user = "bob" }
    local _, code = bob:try("history", { room = room })
    assert.equal("FORBIDDEN", code)
    local _, refused, text = mallory:try("history", { room = room })
    assert.equal("history.closed", refused)
    assert.equal("not " .. room, text)
    _, refused = alice:try("history", { room = room, limit = 13 })
    assert.equal("history.closed", refused)
  end)

  it("is not for who is a member no more when the hook has decided", function()
    local room = new_room()
    local alice, bob = in_room("alice", room), in_room("bob", room)
    bob:send("history", { room = room, limit = 7 }, 1)
    alice:expect "asked"
    alice:request("put_out", { user = "bob", room = room })
    assert.equal("FORBIDDEN", bob:expect("error").data.code)
  end)

  it("is not there where no rule says so", function()
    local alice = in_room("alice", "plain")
    local _, code = alice:try("history", { room = "plain" })
    assert.equal("NOT_FOUND", code)
    _, code = alice:try("read", { room = "plain" })
    assert.equal("NOT_FOUND", code)
    alice:request("join", { room = "who" })
    _, code = alice:try("history", { room = "who" })
    assert.equal("NOT_FOUND", code)
    assert.is_false(alice:request("forget", "plain"))
  end)

  it("wants numbers that make sense", function()
    local room = new_room()
    local alice = in_room("alice", room)
    for _, query in ipairs { { limit = 0 }, { limit = 1001 }, { limit = 1.5 },
      { limit = "5" }, { before = -1 }, { after = true }, { after = 1e30 } } do
      query.room = room
      local _, code = alice:try("history", query)
      assert.equal("BAD_REQUEST", code)
      query.room = nil
      _, code = alice:try("read", { room = room, query = query })
      assert.equal("HANDLER_ERROR", code)
    end
    local _, code = alice:try("history", { limit = 5 })
    assert.equal("BAD_REQUEST", code)
  end)

  it("has one message for each key, with `latest`", function()
    local room = new_room "price:"
    local alice = in_room("alice", room)
    for i = 1, 9 do
      alice:request("say", { room = room, text = "m" .. i,
        opts = { key = "k" .. i % 3 } })
    end
    assert.equal("7:m7 8:m8 9:m9",
      texts(alice:request("history", { room = room })))
  end)

  it("is forgotten, and another epoch begins", function()
    local room = new_room()
    local alice = in_room("alice", room)
    say(alice, room, 3)
    local before = alice:request("history", { room = room })
    assert.is_true(alice:request("forget", room))
    local page = alice:request("history", { room = room })
    assert.same({}, page.messages)
    assert.equal(0, page.seq)
    assert.not_equal(before.epoch, page.epoch)
    assert.equal(1, alice:request("say", { room = room, text = "new" }))
    assert.equal("1:new", texts(alice:request("history", { room = room })))
  end)

  it("outlives its last member", function()
    local room = new_room()
    local alice = in_room("alice", room)
    say(alice, room, 2)
    local epoch = alice:request("history", { room = room }).epoch
    alice:request("leave", { room = room })
    local bob = in_room("bob", room)
    local page = bob:request("history", { room = room })
    assert.equal("1:m1 2:m2", texts(page))
    assert.equal(epoch, page.epoch)
  end)

  it("is trimmed by a reload, and not lost", function()
    local room = new_room()
    local alice = in_room("alice", room)
    say(alice, room, 5)
    local epoch = alice:request("history", { room = room }).epoch
    server:write("main.lua", SCRIPT:format(2))
    server:reload()
    local page = alice:request("history", { room = room })
    assert.equal("4:m4 5:m5", texts(page))
    assert.equal(epoch, page.epoch)
    server:write("main.lua", SCRIPT:format(5))
    server:reload()
    say(alice, room, 1)
    page = alice:request("history", { room = room })
    assert.equal("4:m4 5:m5 6:m1", texts(page))
  end)

  it("is counted", function()
    local room = new_room()
    local alice = in_room("alice", room)
    local function figure(name)
      return admin.metric(server, "perigee_history_" .. name)
    end
    local kept, published = figure "messages", figure "published_total"
    say(alice, room, 7)
    assert.equal(kept + 5, figure "messages")
    assert.equal(published + 7, figure "published_total")
    assert.is_true(figure "bytes" > 0)
    assert.is_true(figure "rooms" > 0)
    assert.equal(0, figure "evicted_total")
  end)
end)

describe("The memory of histories", function()
  it("is bounded: those used longest ago are lost, in another epoch", function()
    local server = t.server {
      options = { ["history.max_mb"] = 1, ["limits.messages_per_s"] = 0,
        ["limits.bytes_per_s"] = 0 },
      scripts = { ["main.lua"] = SCRIPT:format(100) },
    }
    local alice = server:connect { user = "alice" }
    alice:request("join", { room = "chat:0" })
    local epoch = alice:request("history", { room = "chat:0" }).epoch
    local text = ("x"):rep(20000)
    for i = 0, 9 do
      for _ = 1, 10 do
        alice:request("say", { room = "chat:" .. i, text = text })
      end
    end
    local page = alice:request("history", { room = "chat:0" })
    assert.same({}, page.messages)
    assert.not_equal(epoch, page.epoch)
    assert.equal(10,
      #alice:request("read", { room = "chat:9" }).messages)
    assert.is_true(admin.metric(server, "perigee_history_evicted_total") > 3)
    assert.is_true(admin.metric(server, "perigee_history_bytes") <= 1048576)
    server:stop()
  end)
end)
