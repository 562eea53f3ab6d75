-- SPDX-License-Identifier: MIT
-- The HTTP API and rooms that number their messages and keep them.
local api = require "spec.support.api"
local t = require "perigee.testing"

describe("In a room with a history, the HTTP API", function()
  local server

  before_each(function()
    server = t.server { options = api.options(), scripts = { ["main.lua"] = [[
      local perigee = require "perigee"
      return {
        ["@rooms"] = {
          ["chat:*"] = { history = { messages = 100 } },
          ["cursor:*"] = { latest = true, seconds = 600 },
        },
        say = function(_, data)
          return (select(2, perigee.send_to_room(data.room, { type = "n", data = data.n })))
        end,
      }
    ]] } }
  end)

  after_each(function() server:stop() end)

  local function send(args)
    local status, answer = api.call(server, "send", args)
    assert(status == 200, t.encode(answer))
    return answer
  end

  local function history(room, query)
    local status, answer = api.ask(server, "GET",
      "/api/v1/rooms/" .. room .. "/history" .. (query or ""))
    assert(status == 200, t.encode(answer))
    return answer
  end

  local function numbers(answer)
    local list = {}
    for i, message in ipairs(answer.messages) do list[i] = message.seq end
    return list
  end

  it("numbers what it sends, among what scripts send", function()
    local alice = server:connect "alice"
    alice:request("join", { room = "chat:1" })
    assert.same({ receivers = 1, seq = 1 },
      send { room = "chat:1", message = { type = "n", data = 1 } })
    assert.equal(2, alice:request("say", { room = "chat:1", n = 2 }))
    assert.same({ receivers = 1, seq = 3 },
      send { room = "chat:1", message = { type = "n", data = 3 } })
    for i = 1, 3 do
      local message = alice:expect "n"
      assert.same({ i, i, "chat:1" }, { message.seq, message.data, message.room })
    end
    assert.same({ receivers = 0, seq = 1 },
      send { room = "chat:2", message = { type = "n" } })
  end)

  it("sends once what has the same id", function()
    local alice = server:connect "alice"
    alice:request("join", { room = "chat:1" })
    alice:request("join", { room = "plain" })
    local args = { room = "chat:1", id = "a", message = { type = "n", data = 1 } }
    assert.same({ receivers = 1, seq = 1 }, send(args))
    assert.same({ receivers = 0, seq = 1 }, send(args))
    args.room = "plain"
    assert.same({ receivers = 1 }, send(args))
    assert.same({ receivers = 0 }, send(args))
    alice:expect "n"
    alice:expect "n"
    alice:expect_nothing()
  end)

  it("keeps nothing that is not to be kept, or leaves somebody out", function()
    local alice = server:connect "alice"
    alice:request("join", { room = "chat:1" })
    assert.same({ receivers = 1 },
      send { room = "chat:1", keep = false, message = { type = "n" } })
    assert.same({ receivers = 0 },
      send { room = "chat:1", except_user = "alice", message = { type = "n" } })
    assert.is_nil(alice:expect("n").seq)
    alice:expect_nothing()
    assert.same({}, history("chat:1").messages)
  end)

  it("reads it, in pages", function()
    for i = 1, 10 do
      send { room = "chat:1", message = { type = "n" .. i, data = { i, "ü" } } }
    end
    local all = history "chat:1"
    assert.equal(10, all.seq)
    assert.is_string(all.epoch)
    assert.is_false(all.more)
    for i = 1, 10 do
      local message = all.messages[i]
      assert.same({ i, "n" .. i }, { message.seq, message.type })
      assert.same({ i, "ü" }, message.data)
      assert.is_true(math.abs(message.at - os.time() * 1000) < 60000)
    end
    assert.same({ 8, 9, 10 }, numbers(history("chat:1", "?limit=3")))
    assert.same({ 4, 5, 6 }, numbers(history("chat:1", "?after=3&limit=3")))
    assert.is_true(history("chat:1", "?after=3&limit=3").more)
    assert.same({ 2, 3, 4 }, numbers(history("chat:1", "?before=5&limit=3")))
    assert.same({ 3, 4 }, numbers(history("chat:1", "?after=2&before=5")))
    assert.same({}, numbers(history("chat:1", "?after=10")))
    assert.same({}, history("chat:none").messages)
  end)

  it("keeps the newest of each key", function()
    for i = 1, 6 do
      send { room = "cursor:1", key = i % 2 == 0 and "a" or "b",
        message = { type = "n", data = i } }
    end
    assert.same({ 5, 6 }, numbers(history "cursor:1"))
  end)

  it("says which rooms have none, and what a number is", function()
    local status, problem = api.ask(server, "GET", "/api/v1/rooms/plain/history")
    assert.equal(404, status)
    assert.equal("NOT_FOUND", problem.code)
    for _, query in ipairs { "?after=x", "?before=0", "?limit=1001", "?since=1" } do
      assert.equal(400, (api.ask(server, "GET", "/api/v1/rooms/chat:1/history" .. query)))
    end
  end)
end)
