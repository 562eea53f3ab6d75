-- SPDX-License-Identifier: MIT
-- A machine that is alone sends nothing to Redis that nobody would hear; and one
-- that comes misses nothing that is sent after it has let somebody in.

local admin = require "spec.support.admin"
local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

local script = [[
local perigee = require "perigee"
return {
  send = function(client, data)
    perigee.send_to_user(data.user, { type = "said", data = "user" })
    perigee.send_to_room("lobby", { type = "said", data = "room" })
    perigee.broadcast { type = "said", data = "all" }
    return true
  end,
}
]]

describe("a machine that is alone", function()
  local redis, start, a, ann

  setup(function()
    redis = redis_server()
    start = machines_on(redis, { scripts = { ["main.lua"] = script },
      options = { ["node.lease_s"] = 1, ["redis.probe_s"] = 0.2,
        ["limits.messages_per_s"] = 0 } })
    a = start()
  end)

  before_each(function() ann = a:connect { user = "ann" } end)

  teardown(function()
    a:stop()
    redis:stop()
  end)

  local function omitted()
    return admin.metric(a, "perigee_cluster_omitted_total")
  end

  -- Each `send` is three messages that only others could hear.
  local function be_alone()
    t.wait_until(function()
      local before = omitted()
      ann:request("send", { user = "bob" })
      return pcall(t.wait_until, function() return omitted() >= before + 3 end, 1.5)
    end, 60)
  end

  local function hear_all(client) -- they may be on three Redis
    local left = { user = true, room = true, all = true }
    while next(left) do left[client:expect("said").data] = nil end
  end

  it("sends nothing, until there is another one", function()
    be_alone()
    for _ = 1, 3 do
      local b = start()
      local bob = b:connect { user = "bob" }
      bob:request("join", { room = "lobby" })
      ann:request("send", { user = "bob" })
      hear_all(bob)
      b:stop()
      be_alone()
    end
  end)

  it("is waited for when it does not answer", function()
    be_alone()
    a:signal "STOP"
    local b = start()
    ann:send("send", { user = "bob" }) -- it is read when the machine goes on
    local bob = b:connect { user = "bob" }
    bob:request("join", { room = "lobby" })
    a:signal "CONT"
    hear_all(bob)
    b:stop()
  end)

  it("is one of several for who was taken for dead, too", function()
    local b = start()
    local bob = b:connect { user = "bob" }
    bob:request("join", { room = "lobby" })
    b:signal "STOP"
    t.wait_until(function()
      return (admin.metric(a, "perigee_cluster_retired_total") or 0) > 0
    end, 60)
    be_alone()
    b:signal "CONT"
    local cid = b:connect { user = "cid" }
    cid:request("join", { room = "lobby" })
    ann:request("send", { user = "cid" })
    hear_all(cid)
    b:stop()
  end)
end)
