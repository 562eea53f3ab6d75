-- SPDX-License-Identifier: MIT
-- The test kit's clients whose connection is lost, as the server sees it.
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    count = function(client)
      client.state.n = (client.state.n or 0) + 1
      return client.state.n
    end,
    whisper = function(_, data)
      return perigee.send_to_user(data.to, { type = "whispered", data = data })
    end,
    is_online = function(_, user) return perigee.is_online(user) end,
    ["@disconnect"] = function(client, reason)
      perigee.broadcast { type = "gone", data = { user = client.user_id,
        reason = reason } }
    end,
  }
]]

describe("The kit's connections", function()
  local server, bob

  lazy_setup(function()
    server = t.server { scripts = { ["main.lua"] = SCRIPT } }
  end)

  before_each(function()
    bob = server:connect "bob"
  end)

  for _, how in ipairs { "end", "reset" } do
    it("are cut: " .. how, function()
      local alice = server:connect "alice"
      alice:cut(how)
      assert.equal("alice", bob:expect("gone").data.user)
    end)
  end

  it("are half-open: the server sees nothing", function()
    local alice = server:connect "alice"
    alice:cut "half-open"
    bob:expect_nothing "gone"
    assert.is_true(bob:request("is_online", "alice"))
  end)

  for _, how in ipairs { "end", "reset", "half-open" } do
    it("are resumed after a cut: " .. how, function()
      local alice = server:connect { user = "alice", session = true }
      assert.equal(1, alice:request "count")
      local id = alice.session.id
      alice:cut(how)
      assert.equal(1, bob:request("whisper", { to = "alice", text = "hi" }))
      assert.is_true(alice:resume().session.resumed)
      assert.equal(id, alice.session.id)
      assert.equal("hi", alice:expect("whispered").data.text)
      assert.equal(2, alice:request "count")
      bob:expect_nothing "gone"
    end)
  end

  it("count: what the server has not got is sent again", function()
    local alice = server:connect { user = "alice", session = true }
    assert.equal(1, alice:request "count")
    alice:cut()
    alice.session:note_sent '{"type":"count","id":"late"}'
    assert.is_true(alice:resume().session.resumed)
    assert.equal(3, alice:request "count")
    assert.equal("late", alice:expect "reply".id)
    alice:acknowledge()
    alice:expect_nothing()
    assert.same({ sent = 3, received = 3 },
      { sent = alice.session.sent, received = alice.session.received })
  end)

  it("cannot be resumed by a client that has seen more than there was", function()
    local alice = server:connect { user = "alice", session = true }
    local id = alice.session.id
    alice:cut()
    assert.is_false(alice:resume({ received = 5 }).session.resumed)
    assert.not_equal(id, alice.session.id)
    assert.equal(1, alice:request "count")
  end)
end)
