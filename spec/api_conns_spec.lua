-- SPDX-License-Identifier: MIT
-- The HTTP API closes connections, and moves users into rooms and out of them.
local api = require "spec.support.api"
local t = require "perigee.testing"

describe("The HTTP API", function()
  local server, alice, tablet, bob

  lazy_setup(function()
    server = t.server { options = api.options(), scripts = { ["main.lua"] = [[
      return {
        ["@join"] = function(client, room)
          if room == "closed" then return nil, "FORBIDDEN", "not here" end
          return { by = client.user_id }
        end,
      }
    ]] } }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function()
    alice, tablet, bob = server:connect "alice", server:connect "alice", server:connect "bob"
  end)

  local function call(name, args)
    local status, answer = api.call(server, name, args)
    assert(status == 200, t.encode(answer))
    return answer
  end

  local function refused(name, args, detail)
    local status, problem = api.call(server, name, args)
    assert.equal(400, status)
    assert.matches(detail, problem.detail, 1, true)
  end

  it("closes all connections of a user", function()
    assert.same({ closed = 2 }, call("close", { user = "alice" }))
    assert.equal("kicked", alice:expect_close(4502))
    assert.equal("kicked", tablet:expect_close(4502))
    bob:sync()
    t.wait_until(function() return call("close", { user = "alice" }).closed == 0 end)
  end)

  it("closes with a code and a reason", function()
    assert.same({ closed = 1 }, call("close",
      { user = "bob", code = 4900, reason = "banned ü" }))
    assert.equal("banned ü", bob:expect_close(4900))
  end)

  it("closes one connection", function()
    assert.same({ closed = 1 }, call("close", { conn = tablet.info.conn }))
    tablet:expect_close(4502)
    alice:sync()
    assert.same({ closed = 0 }, call("close", { conn = 9007199254740991 }))
  end)

  it("closes with no code that a close frame has not", function()
    for _, code in ipairs { 1005, 1006, 1015, 2000, 2999 } do
      refused("close", { user = "bob", code = code }, "`code` is 1000 to")
    end
    for _, code in ipairs { 0, 999, 5000, 4502.5 } do
      refused("close", { user = "bob", code = code }, "`code` is a whole number")
    end
    refused("close", { user = "bob", code = "4502" }, "`code`")
    refused("close", { user = "bob", reason = ("x"):rep(124) }, "`reason`")
    refused("close", {}, "exactly one of")
    refused("close", { user = "bob", conn = 1 }, "exactly one of")
    bob:sync()
  end)

  it("puts all connections of a user into a room, and takes them out", function()
    assert.same({ connections = 2 }, call("join", { user = "alice", room = "lobby" }))
    for _, client in ipairs { alice, tablet } do
      local message = client:expect "joined"
      assert.equal("lobby", message.room)
      assert.equal("alice", message.data.by)
    end
    assert.equal(2, call("send", { room = "lobby", message = { type = "x" } }).receivers)
    assert.same({ connections = 2 }, call("leave", { user = "alice", room = "lobby" }))
    assert.equal("lobby", alice:expect("left").room)
    assert.equal("lobby", tablet:expect("left").room)
    assert.equal(0, call("send", { room = "lobby", message = { type = "x" } }).receivers)
    bob:expect_nothing()
  end)

  it("asks the hook of the scripts", function()
    call("join", { user = "bob", room = "closed" })
    bob:expect_nothing()
    assert.equal(0, call("send", { room = "closed", message = { type = "x" } }).receivers)
  end)

  it("knows who is not there", function()
    assert.same({ connections = 0 }, call("join", { user = "nobody", room = "lobby" }))
    assert.same({ connections = 0 }, call("leave", { user = "nobody", room = "lobby" }))
    refused("join", { user = "bob" }, "`room` must be given")
  end)
end)
