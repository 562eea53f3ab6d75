-- SPDX-License-Identifier: MIT
-- Several machines: more at once than may be under way to Redis.

local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

local script = [[
local perigee = require "perigee"
return {
  ["@rooms"] = { busy = { history = { messages = 5 } } },
  many = function(_, count)
    for i = 1, count do perigee.send_to_room("busy", { type = "said", data = i }) end
    return true
  end,
  seq = function()
    local found = perigee.history("busy", { limit = 1 })
    return found and found.seq or 0 -- Redis cannot be asked more now
  end,
}
]]

describe("messages that are too many for Redis at once", function()
  it("wait for their turn", function()
    local redis = redis_server()
    local a = machines_on(redis, { scripts = { ["main.lua"] = script },
      options = { ["redis.probe_s"] = 60, ["node.lease_s"] = 300, ["redis.timeout_s"] = 60,
        ["limits.messages_per_s"] = 0 } })()
    local ann = a:connect { user = "ann" }
    ann.timeout = 60
    redis:signal "STOP"
    for _ = 1, 21 do ann:request("many", 5000) end -- 100,000 may be under way
    redis:signal "CONT"
    t.wait_until(function() return ann:request "seq" == 105000 end, 60)
    a:stop()
    redis:stop()
  end)
end)
