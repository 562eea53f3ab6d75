-- SPDX-License-Identifier: MIT
local neighbour = require "spec.support.neighbour"
local t = require "perigee.testing"

describe("The client object", function()
  local server, alice

  lazy_setup(function()
    server = t.server {
      options = { headers = "X-Device" },
      scripts = {
        ["main.lua"] = [[
          local perigee = require "perigee"
          local kept = {}
          return {
            fields = function(client)
              return { id = client.id, user = client.user_id, ip = client.ip,
                claims = client.claims, headers = client.headers,
                connected_at = client.connected_at, now = perigee.now() }
            end,
            assign = function(client) client.user_id = "root" end,
            set = function(client, data) client.state.value = data end,
            get = function(client) return client.state.value end,
            same = function(client)
              local members = perigee.clients_of(client.user_id)
              return { equal = members[1] == client,
                state = members[1].state == client.state }
            end,
            send = function(client, data)
              return client:send { type = "sent", data = data }
            end,
            enter = function(client, room) client:join(room) end,
            exit = function(client, room) client:leave(room) end,
            rooms = function(client) return client:rooms() end,
            open = function(client) return client:is_open() end,
            close = function(client, data)
              client:close(data.code, data.reason)
              local results = { open = client:is_open() }
              results.send = { client:send { type = "late" } }
              return results
            end,
            where = function() return perigee.worker end,
            keep = function(client) kept[client.user_id] = client end,
            kept = function(_, user)
              local client = kept[user]
              local function packed(...)
                local first, code = ...
                return { n = select("#", ...), is_nil = first == nil,
                  code = code }
              end
              return {
                open = client:is_open(),
                send = packed(client:send { type = "late" }),
                join = packed(client:join "r"),
                leave = packed(client:leave "r"),
                rooms = packed(client:rooms()),
                close = packed(client:close()),
              }
            end,
            kept_is_open = function(_, user) return kept[user]:is_open() end,
          }
        ]],
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect { user = "alice" } end)

  it("knows who the client is", function()
    local token = server:token { sub = "bob", role = "admin", n = 5,
      list = t.array {} }
    local bob = server:connect {
      token = token,
      headers = { ["x-device"] = "phone", ["user-agent"] = "spec/1" },
    }
    local fields = bob:request "fields"
    assert.equal("bob", fields.user)
    assert.equal(bob.info.conn, fields.id)
    assert.equal("127.0.0.1", fields.ip)
    assert.equal("bob", fields.claims.sub)
    assert.equal("admin", fields.claims.role)
    assert.equal(5, fields.claims.n)
    assert.equal("array", getmetatable(fields.claims.list).__jsontype)
    assert.equal("spec/1", fields.headers["user-agent"])
    assert.equal("phone", fields.headers["x-device"])
    assert.matches("^127.0.0.1:%d+$", fields.headers.host)
    assert.is_number(fields.connected_at)
    assert.is_true(fields.connected_at <= fields.now)
    assert.is_true(fields.connected_at > fields.now - 60)
  end)

  it("has the user as text, also if the token has a number", function()
    local bob = server:connect { claims = { sub = 42 } }
    assert.equal("42", bob:request("fields").user)
  end)

  it("cannot be changed", function()
    local _, code = alice:try "assign"
    assert.equal("HANDLER_ERROR", code)
    assert.equal("alice", alice:request("fields").user)
  end)

  it("keeps its state from message to message", function()
    alice:send("set", { count = 5, list = { 1, 2 } })
    assert.same({ count = 5, list = { 1, 2 } }, alice:request "get")
    local bob = server:connect { user = "bob" }
    local data = bob:request "get"
    assert.is_true(data == nil or data == t.null)
  end)

  it("is the same object wherever a script meets it", function()
    local own = server:connect { user = "only" }
    assert.same({ equal = true, state = true }, own:request "same")
  end)

  it("sends to itself", function()
    alice:send("send", { 1, "two" })
    assert.same({ 1, "two" }, alice:expect("sent").data)
  end)

  it("joins and leaves rooms", function()
    alice:request("enter", "a")
    alice:send("enter", "b")
    local rooms = alice:request "rooms"
    table.sort(rooms)
    assert.same({ "a", "b" }, rooms)
    alice:send("exit", "b")
    assert.same({ "a" }, alice:request "rooms")
  end)

  for _, case in ipairs {
    { code = 4004, reason = "go away" }, { code = 4999, reason = "ä" },
    { code = 4100, reason = ("x"):rep(123) },
    { code = 1001, reason = "gone" }, { code = 3000, reason = "no" },
  } do
    it("closes with code and reason: " .. case.code, function()
      alice:send("close", case)
      assert.equal(case.reason, alice:expect_close(case.code))
    end)
  end

  it("closes with a code of the server's if none is given", function()
    alice:send("close", {})
    assert.is_string(alice:expect_close())
    local code = alice.ws.got_close_code
    assert.is_true(code >= 4000 and code <= 4999, tostring(code))
  end)

  it("does not close with a code that is none", function()
    for _, code in ipairs { 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000,
      70000, -1, 1000 - 2 ^ 32 | 0 } do
      local _, problem = alice:try("close", { code = code })
      assert.equal("HANDLER_ERROR", problem)
    end
    assert.is_true(alice:request "open")
  end)

  it("sends nothing after a close", function()
    alice:send("close", { code = 4004, reason = "now" }, 5)
    alice:expect_close(4004)
    for _, message in ipairs(alice.inbox) do
      assert.not_equal("late", message.type)
    end
  end)

  it("answers nil, \"closed\" when the client has gone", function()
    local bob = neighbour(server, alice, "bob")
    bob:request "keep"
    assert.is_true(alice:request("kept_is_open", "bob"))
    bob:drop()
    t.wait_until(function()
      return alice:request("kept_is_open", "bob") == false
    end)
    local kept = alice:request("kept", "bob")
    assert.is_false(kept.open)
    for _, method in ipairs { "send", "join", "leave", "rooms", "close" } do
      assert.same({ n = 2, is_nil = true, code = "closed" }, kept[method])
    end
  end)

  it("keeps its state, its rooms and its identity over a reload", function()
    alice:request("join", { room = "stay" })
    alice:request("set", { list = { 1, { deep = true } }, n = 5, s = "ä" })
    local before = alice:request "fields"
    server:reload()
    assert.same({ list = { 1, { deep = true } }, n = 5, s = "ä" },
      alice:request "get")
    assert.same({ "stay" }, alice:request "rooms")
    local after = alice:request "fields"
    before.now, after.now = nil, nil
    assert.same(before, after)
  end)
end)
