-- SPDX-License-Identifier: MIT
local neighbour = require "spec.support.neighbour"
local t = require "perigee.testing"

describe("A script that sends", function()
  local server

  lazy_setup(function()
    server = t.server {
      options = { ["heartbeat.interval_s"] = 3600 }, -- no pings in between
      scripts = {
        ["sending.lua"] = [[
          local perigee = require "perigee"
          local function message(text)
            return { type = "note", data = text }
          end
          local function opts(client, data)
            return { except = data.except and client or nil,
              drop = data.drop }
          end
          return {
            to_user = function(client, data)
              return perigee.send_to_user(data.user, message(data.text),
                opts(client, data))
            end,
            to_room = function(client, data)
              return perigee.send_to_room(data.room, message(data.text),
                opts(client, data))
            end,
            to_all = function(client, data)
              return perigee.broadcast(message(data.text),
                opts(client, data))
            end,
            where = function() return perigee.worker end,
            to_me = function(client)
              client:send { type = "first" }
              client:send { type = "second", data = {} }
              return "third"
            end,
            to_gone = function(client, data)
              local other = perigee.clients_of(data.user)[1]
              other:close(4004, "moved")
              return { counted = perigee.send_to_user(data.user,
                message "late") }
            end,
          }
        ]],
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  it("reaches a user on all devices", function()
    local phone = server:connect { user = "bob" }
    local laptop = server:connect { user = "bob" }
    local alice = server:connect { user = "alice" }
    local count = alice:request("to_user", { user = "bob", text = "hi" })
    assert.equal(2, count)
    for _, device in ipairs { phone, laptop } do
      local note = device:expect "note"
      assert.equal("hi", note.data)
      assert.is_nil(note.room)
      device:expect_nothing()
    end
    alice:expect_nothing()
  end)

  it("does not count a device that has gone", function()
    local phone = server:connect { user = "carol" }
    local laptop = server:connect { user = "carol" }
    local alice = server:connect { user = "alice" }
    local function count_is(expected)
      local text = tostring(expected)
      return t.wait_until(function() -- another worker may learn it later
        return alice:request("to_user", { user = "carol", text = text })
          == expected
      end)
    end
    phone:close()
    assert.is_true(count_is(1))
    laptop:expect "note"
    laptop:close()
    assert.is_true(count_is(0))
  end)

  it("reaches nobody behind a connection it has just closed", function()
    local bob = server:connect { user = "bob-2" }
    local alice = neighbour(server, bob, "alice")
    assert.same({ counted = 0 }, alice:request("to_gone", { user = "bob-2" }))
    assert.equal("moved", bob:expect_close(4004))
    assert.same({}, bob.inbox)
  end)

  it("gets 0 for a user that nobody is", function()
    local alice = server:connect { user = "alice" }
    assert.equal(0, alice:request("to_user", { user = "nobody", text = "?" }))
  end)

  it("can leave out one connection", function()
    local alice = server:connect { user = "dora" }
    local tablet = server:connect { user = "dora" }
    local bob = server:connect { user = "emil" }
    for _, client in ipairs { alice, tablet, bob } do
      client:request("join", { room = "r" })
    end
    assert.equal(2, alice:request("to_room",
      { room = "r", text = "room", except = true }))
    assert.equal("room", tablet:expect("note").data)
    assert.equal("room", bob:expect("note").data)
    assert.equal(1, alice:request("to_user",
      { user = "dora", text = "mine", except = true }))
    assert.equal("mine", tablet:expect("note").data)
    for _, client in ipairs { alice, tablet, bob } do
      client:expect_nothing()
    end
  end)

  it("reaches everyone with a broadcast, but nobody before auth", function()
    local alice = server:connect { user = "alice" }
    t.wait_until(function() -- clients of other examples have gone
      return alice:request("to_all", { text = "?", except = true }) == 0
    end)
    local bob = server:connect { user = "bob" }
    local stranger = server:connect { auth = false }
    assert.equal(2, alice:request("to_all", { text = "all" }))
    assert.equal("all", alice:expect("note").data)
    assert.equal("all", bob:expect("note").data)
    assert.equal(1, alice:request("to_all", { text = "you", except = true }))
    assert.equal("you", bob:expect("note").data)
    alice:expect_nothing()
    bob:expect_nothing()
    stranger:expect_nothing()
  end)

  it("keeps the order of what it sends", function()
    local alice = server:connect { user = "alice" }
    local kinds = {}
    alice:send("to_me", nil, 9)
    for i = 1, 3 do
      kinds[i] = t.decode(alice:receive()).type
    end
    assert.same({ "first", "second", "reply" }, kinds)
  end)

  it("may let connections that are behind miss a message", function()
    local bob = server:connect { user = "bob" }
    local alice = server:connect { user = "alice" }
    assert.equal(1, alice:request("to_user",
      { user = "bob", text = "x", drop = true }))
    bob:expect "note"
  end)

  it("sends long messages whole", function()
    local bob = server:connect { user = "bob" }
    local alice = server:connect { user = "alice" }
    for _, size in ipairs { 100, 125, 126, 127, 4096, 50000 } do
      local text = ("ä"):rep(size // 2)
      alice:request("to_user", { user = "bob", text = text })
      assert.equal(text, bob:expect("note").data)
    end
  end)
end)

describe("A message of a script", function()
  local server, alice

  lazy_setup(function()
    server = t.server {
      scripts = { ["main.lua"] = [[
        local perigee = require "perigee"
        local function long(bytes) return ("x"):rep(bytes) end
        return {
          tricky = function(client)
            client:send(setmetatable({}, { __index = function(_, key)
              client:send { type = "inner" }
              return key
            end }))
          end,
          answer = function(_, bytes) return long(bytes) end,
          push = function(client, bytes)
            return client:send { type = "big", data = long(bytes) }
          end,
          push_type = function(client, kind)
            return client:send { type = kind }
          end,
          fine = function() return "fine" end,
        }
      ]] },
      options = { ["limits.queue_bytes"] = 4096 },
    }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect { user = "alice" } end)

  it("is read without its metatable", function()
    local _, code = alice:try "tricky"
    assert.equal("HANDLER_ERROR", code)
    alice:expect_nothing()
  end)

  it("that is too long for any queue is refused, not sent", function()
    local _, code = alice:try("push", 4096)
    assert.equal("HANDLER_ERROR", code)
    assert.equal("fine", alice:request "fine")
  end)

  it("may fill a queue to the last byte", function()
    local frame = #'{"type":"big","data":""}' + 10
    alice:send("push", 4096 - frame) -- a reply would need room, too
    assert.equal(4096 - frame, #alice:expect("big").data)
    local _, code = alice:try("push", 4096 - frame + 1)
    assert.equal("HANDLER_ERROR", code)
  end)

  it("is refused if its type is one that sessions do not count", function()
    for _, kind in ipairs { "auth_ok", "auth_error", "ping", "pong",
      "goodbye" } do
      local _, code = alice:try("push_type", kind)
      assert.equal("HANDLER_ERROR", code)
    end
    assert.equal(true, alice:request("push_type", "pong.late"))
    alice:expect "pong.late"
  end)

  it("is answered TOO_LARGE if it is a reply that no queue holds", function()
    local _, code = alice:try("answer", 4096)
    assert.equal("TOO_LARGE", code)
    assert.equal("fine", alice:request "fine")
  end)
end)
