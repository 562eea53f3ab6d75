-- SPDX-License-Identifier: MIT
-- Several machines: the rate of a handler belongs to a user, wherever he is.

local admin = require "spec.support.admin"
local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

local script = [[
return { rare = { rate = "1/h", burst = 3, handler = function() return true end } }
]]

describe("the rate of a handler", function()
  local redis, a, b

  setup(function()
    redis = redis_server()
    local start = machines_on(redis, { scripts = { ["main.lua"] = script },
      options = { ["redis.probe_s"] = 0.2 } })
    a, b = start(), start()
  end)

  teardown(function()
    a:stop()
    b:stop()
    redis:stop()
  end)

  local function levels(server)
    return admin.metric(server, "perigee_cluster_levels_total")
  end

  -- Until all machines know what was taken at this one.
  local function take(server, client, times)
    local before = levels(server)
    for _ = 1, times do assert.is_true(client:request "rare") end
    t.wait_until(function() return levels(server) > before end)
  end

  it("is one for all machines, a second later", function()
    local here, there = a:connect { user = "ann" }, b:connect { user = "ann" }
    take(a, here, 3)
    take(b, there, 1) -- b has not known of the others
    local _, code = there:try "rare"
    assert.equal("RATE_LIMITED", code)
  end)

  it("is for each user", function()
    local bob = b:connect { user = "bob" }
    take(b, bob, 2)
    take(b, bob, 1)
    local _, code = bob:try "rare"
    assert.equal("RATE_LIMITED", code)
  end)

  it("is that of each machine while Redis is away", function()
    local cid = a:connect { user = "cid" }
    redis:kill()
    for _ = 1, 3 do assert.is_true(cid:request "rare") end
    local _, code = cid:try "rare"
    assert.equal("RATE_LIMITED", code)
    redis:start()
  end)
end)
