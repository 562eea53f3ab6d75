-- SPDX-License-Identifier: MIT
local frames = require "spec.support.frames"
local t = require "perigee.testing"

local scripts = {
  ["main.lua"] = [[
    local count = 0
    return {
      echo = function(_, data) count = count + 1 return data end,
      count = function() return count end,
      enter = function(client, room)
        local ok, code = client:join(room)
        return { ok = ok and true or false, code = code }
      end,
      rooms = function(client) return #client:rooms() end,
    }
  ]],
}

-- Without pings in between.
local function start(options)
  options["heartbeat.interval_s"] = 3600
  return t.server { scripts = scripts, options = options }
end

describe("The limit of", function()
  it("messages counts ping and pong frames and empty fragments, too", function()
    local server = t.server {
      scripts = scripts,
      options = { ["limits.messages_per_s"] = 1, ["limits.burst"] = 30,
        ["heartbeat.interval_s"] = 3600 },
    }
    local ping = frames.frame(frames.PING, "are you there?")
    local pong = frames.frame(frames.PONG, "nobody asked")
    local empty = frames.frame(frames.CONTINUATION, "", { fin = false })
    local begin = frames.frame(frames.TEXT, "", { fin = false })
    for _, flood in ipairs { ping, pong, empty } do
      local peer = frames.connect(server, "/ws")
      peer:send((flood == empty and begin or "") .. flood:rep(200))
      local answered = 0
      local got
      repeat
        got = peer:receive()
        answered = answered + (got.opcode == frames.PONG and 1 or 0)
      until got.opcode ~= frames.PONG
      assert.equal(frames.CLOSE, got.opcode)
      assert.equal(4505, string.unpack(">I2", got.payload))
      assert.is_true(flood ~= ping and answered == 0
        or answered >= 30 and answered < 100, tostring(answered))
    end
  end)

  it("messages refuses what comes too fast, and says when to retry", function()
    local server = start {
      ["limits.messages_per_s"] = 2, ["limits.burst"] = 5,
    }
    local alice = server:connect { user = "alice" }
    for i = 1, 30 do
      alice:send("echo", i, i)
    end
    local replies, refused = 0, nil
    for _ = 1, 30 do
      local message = t.decode(alice:receive())
      if message.type == "reply" then
        replies = replies + 1
      else
        assert.equal("error", message.type)
        assert.equal("RATE_LIMITED", message.data.code)
        refused = message.data
      end
    end
    assert.is_true(replies >= 4 and replies < 30, tostring(replies))
    assert.is_true(refused.retry)
    assert.equal("integer", math.type(refused.retry_after_ms))
    assert.is_true(refused.retry_after_ms > 0)
    assert.is_nil(refused.type) -- the rate is that of the connection
    t.wait_until(function() return alice:try("echo", "again") end)
  end)

  it("messages answers a burst out of a flood, and lets others be", function()
    local server = start {}
    local flooder = server:connect { user = "flooder" }
    local bob = server:connect { user = "bob" }
    for i = 1, 400 do
      flooder:send("echo", i, i)
    end
    assert.equal("x", bob:request("echo", "x"))
    local replies = 0
    for i = 1, 400 do
      local answer = t.decode(flooder:receive())
      assert.equal(i, answer.id) -- every one, in order
      if answer.type == "reply" then
        replies = replies + 1
      else
        assert.equal("RATE_LIMITED", answer.data.code)
      end
      -- `auth` was the first of the hundred.
      assert.is_true(answer.type == "reply" or i >= 100)
    end
    assert.is_true(replies >= 99 and replies < 400, tostring(replies))
    bob:expect_nothing()
  end)

  it("messages tells once, not every time, if nobody asked", function()
    local server = start {
      ["limits.messages_per_s"] = 1, ["limits.burst"] = 2,
    }
    local alice = server:connect { user = "alice" }
    for i = 1, 50 do
      alice:send("echo", i)
    end
    alice:send("echo", "last", 99)
    local told = 0
    repeat
      local message = t.decode(alice:receive())
      if message.id == nil then
        assert.equal("RATE_LIMITED", message.data.code)
        told = told + 1
      end
    until message.id == 99
    assert.is_true(told >= 1 and told < 25, tostring(told))
    -- Others are not concerned.
    assert.equal("x", server:connect({ user = "bob" }):request("echo", "x"))
  end)

  it("bytes refuses what is too much", function()
    local server = start { ["limits.bytes_per_s"] = 20000 }
    local alice = server:connect { user = "alice" }
    local code
    for _ = 1, 20 do
      local _, problem = alice:try("echo", ("x"):rep(10000))
      code = code or problem
    end
    assert.equal("RATE_LIMITED", code)
  end)

  it("rooms refuses one more", function()
    local server = start { ["limits.rooms_per_connection"] = 2 }
    local alice = server:connect { user = "alice" }
    for _, room in ipairs { "a", "b", "a" } do
      local _, code = alice:try("join", { room = room })
      assert.is_nil(code)
    end
    local _, code = alice:try("join", { room = "c" })
    assert.equal("LIMIT_EXCEEDED", code)
    assert.same({ ok = false, code = "LIMIT_EXCEEDED" },
      alice:request("enter", "c"))
    assert.equal(2, alice:request "rooms")
    alice:request("leave", { room = "a" })
    _, code = alice:try("join", { room = "c" })
    assert.is_nil(code)
  end)

  it("connections of a user closes one too many, if they live", function()
    local server = start { ["limits.per_user"] = 2 }
    local phone = server:connect { user = "alice" }
    local laptop = server:connect { user = "alice" }
    local third = server:connect { auth = false }
    third:send("auth", { token = server:token { sub = "alice" } }, 7)
    third:send("echo", "waits as well", 8)
    t.wait_until(function()
      assert.same({ "x", "y" },
        { phone:request("echo", "x"), laptop:request("echo", "y") })
      return server:log():find("user=alice has too many connections", 1, true)
    end)
    assert.equal("connection_limit", third:expect_close(4504))
    for _, message in ipairs(third.inbox) do
      assert.not_equal("auth_ok", message.type)
    end
    assert.equal("x", phone:request("echo", "x"))
    laptop:close()
    server:connect { user = "alice" }
    server:connect { user = "bob" }
  end)

  for _, workers in ipairs { 1, 2 } do
    it(("connections of a user lets one in for one that is dead; workers: %d")
      :format(workers), function()
      local server = start { ["limits.per_user"] = 2, workers = workers,
        ["heartbeat.timeout_s"] = 0.3 }
      local dead = { server:connect "alice", server:connect "alice" }
      for _, client in ipairs(dead) do
        client:send "pong" -- else its library may speak for it
      end
      local third = server:connect { auth = false }
      third:send("auth", { token = server:token { sub = "alice" } }, 7)
      third:send("echo", "after it", 8)
      assert.equal(7, third:expect("auth_ok").id)
      assert.equal("after it", third:expect("reply").data)
      for _, client in ipairs(dead) do
        assert.equal("ping_timeout", client:expect_close(4001))
      end
    end)

    it(("connections of a user keeps what waits until a place is free, also "
      .. "behind a hook that waits; workers: %d"):format(workers), function()
      local server = t.server {
        scripts = { ["main.lua"] = [[
          local perigee = require "perigee"
          return {
            ["@auth"] = function() perigee.sleep(0.01) end,
            echo = function(_, data) return data end,
          }
        ]] },
        options = { ["limits.per_user"] = 1, workers = workers,
          ["heartbeat.timeout_s"] = 0.3, ["heartbeat.interval_s"] = 3600 },
      }
      finally(function() server:stop() end)
      server:connect "alice"
      local second = server:connect { auth = false }
      second:send("auth", { token = server:token { sub = "alice" } }, 7)
      second:send("echo", "after it", 8)
      assert.equal("after it", second:expect("reply").data)
      for _, message in ipairs(second.inbox) do
        assert.not_equal("error", message.type)
      end
    end)

    it(("connections of an address lets one in for one that is dead; "
      .. "workers: %d"):format(workers), function()
      local server = start { ["limits.per_ip"] = 2, workers = workers,
        ["heartbeat.timeout_s"] = 0.3 }
      local dead = { server:connect "alice", server:connect "bob" }
      for _, client in ipairs(dead) do
        client:send "pong" -- else its library may speak for it
      end
      local third = server:connect { auth = false }
      local problem = third:expect("error").data
      assert.same({ "TRY_LATER", true }, { problem.code, problem.retry })
      assert.is_true(problem.retry_after_ms > 0)
      assert.equal("try_later", third:expect_close(4007))
      for _, client in ipairs(dead) do
        assert.equal("ping_timeout", client:expect_close(4001))
      end
      server:connect "carol"
    end)
  end

  it("all connections tells one too many to come back", function()
    local server = start { ["limits.connections"] = 1 }
    local first = server:connect "alice"
    local second = server:connect { auth = false }
    local problem = second:expect("error").data
    assert.same({ "TRY_LATER", true }, { problem.code, problem.retry })
    assert.is_true(problem.retry_after_ms > 0)
    assert.equal("try_later", second:expect_close(4007))
    assert.equal("x", first:request("echo", "x"))
  end)

  it("each connection is told at the beginning", function()
    local server = start { ["limits.messages_per_s"] = 7,
      ["limits.burst"] = 11, ["limits.bytes_per_s"] = 12345,
      ["limits.rooms_per_connection"] = 13 }
    local alice = server:connect { auth = false }
    alice:send("auth", { token = server:token { sub = "alice" } })
    assert.same({ messages_per_s = 7, burst = 11, bytes_per_s = 12345,
      rooms = 13 }, alice:expect("auth_ok").data.limits)
  end)

  it("useless messages does not count what is well-formed", function()
    local server = start { ["limits.messages_per_s"] = 0 }
    local alice = server:connect "alice"
    for i = 1, 200 do
      alice:send(i % 2 == 0 and "gone" or "join", { room = 5 })
    end
    assert.equal("x", alice:request("echo", "x"))
  end)

  it("connections of an address closes one too many", function()
    local server = start { ["limits.per_ip"] = 3 }
    local first = server:connect { user = "alice" }
    server:connect { user = "bob" }
    server:connect { auth = false }
    local fourth = server:connect { auth = false }
    assert.equal("try_later", fourth:expect_close(4007))
    first:close()
    t.wait_until(function()
      return pcall(server.connect, server, { user = "carol" })
    end)
  end)
end)
