-- SPDX-License-Identifier: MIT
-- Several machines: messages without numbers.

local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"

local script = [[
local perigee = require "perigee"
return {
  to_user = function(_, data)
    return perigee.send_to_user(data.user, { type = "note", data = data.text })
  end,
  to_room = function(client, data)
    return perigee.send_to_room(data.room, { type = "said", data = data.text },
      { except = data.except and client or nil })
  end,
  many = function(_, data)
    for i = 1, data.count do
      perigee.send_to_room(data.room, { type = "n", data = i })
      perigee.send_to_user(data.user, { type = "n", data = -i })
    end
  end,
  all = function(_, text) return perigee.broadcast { type = "all", data = text } end,
  kick = function(_, user) return perigee.kick(user, "out") end,
}
]]

describe("machines on one Redis", function()
  local redis, a, b

  setup(function()
    redis = redis_server()
    local start = machines_on(redis, { scripts = { ["main.lua"] = script },
      options = { ["limits.messages_per_s"] = 0 } })
    a, b = start(), start()
  end)

  teardown(function()
    a:stop()
    b:stop()
    redis:stop()
  end)

  it("send to a user of another one", function()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    ann:request("to_user", { user = "bob", text = "hello" })
    assert.equal("hello", bob:expect("note").data)
  end)

  it("send to a user of both once to each connection", function()
    local ann, here, there = a:connect { user = "ann" }, a:connect { user = "both" },
      b:connect { user = "both" }
    assert.equal(1, ann:request("to_user", { user = "both", text = "x" }))
    ann:request("to_user", { user = "both", text = "y" })
    for _, client in ipairs { here, there } do
      assert.equal("x", client:expect("note").data)
      assert.equal("y", client:expect("note").data)
    end
  end)

  it("send to a room, but to one who is left out", function()
    local ann, bob, cid = a:connect { user = "ann" }, b:connect { user = "bob" },
      a:connect { user = "cid" }
    for _, client in ipairs { ann, bob, cid } do
      client:request("join", { room = "r" })
    end
    assert.equal(1, ann:request("to_room", { room = "r", text = "x", except = true }))
    ann:request("to_room", { room = "r", text = "y" })
    assert.equal("y", ann:expect("said").data)
    for _, client in ipairs { bob, cid } do
      assert.equal("x", client:expect("said").data)
      assert.equal("y", client:expect("said").data)
    end
  end)

  it("keep the order of what one sends to one", function()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    bob:request("join", { room = "ordered" })
    ann:request("many", { room = "ordered", user = "bob", count = 200 })
    for i = 1, 200 do
      assert.equal(i, bob:expect("n").data)
      assert.equal(-i, bob:expect("n").data)
    end
  end)

  it("broadcast", function()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    ann:request("all", "hear")
    assert.equal("hear", ann:expect("all").data)
    assert.equal("hear", bob:expect("all").data)
  end)

  it("close the connections of a user", function()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    ann:request("kick", "bob")
    assert.equal("out", bob:expect_close(4502))
  end)
end)
