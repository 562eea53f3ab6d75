-- SPDX-License-Identifier: MIT
-- How long things take, in /metrics.
local admin = require "spec.support.admin"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    ["@connect"] = function() end,
    quick = function() return 1 end,
    slow = function() perigee.sleep(0.03) return 2 end,
    many = function() perigee.after(0.001, function() end) end,
  }
]]

describe("What things take", function()
  local server, alice

  before_each(function()
    server = t.server { scripts = { ["main.lua"] = SCRIPT },
      options = { ["limits.messages_per_s"] = 10000, ["limits.burst"] = 10000 } }
    alice = server:connect "alice"
  end)

  local function bucket(kind, le)
    return admin.metric(server,
      ('perigee_handler_seconds_bucket{type="%s",le="%s"}'):format(kind, le))
  end

  local function count(kind)
    return admin.metric(server,
      ('perigee_handler_seconds_count{type="%s"}'):format(kind))
  end

  it("is counted for each handler, and over reloads", function()
    for _ = 1, 3 do
      alice:request "quick"
    end
    alice:request "slow"
    assert.equal(3, count "quick")
    assert.equal(3, bucket("quick", "+Inf"))
    assert.equal(1, count "slow")
    assert.equal(0, bucket("slow", "0.01"))
    assert.equal(1, count "@connect")
    assert.is_true(admin.metric(server,
      'perigee_handler_seconds_sum{type="slow"}') >= 0.02)
    server:reload()
    alice:request "quick"
    assert.equal(4, count "quick")
  end)

  it("is in /stats as well, as buckets", function()
    alice:request "quick"
    alice:request "slow"
    local _, body = admin.get(server, "/stats")
    local timings = t.decode(body).timings
    assert.equal(15, #timings.bounds_s)
    local function all(counts)
      local sum = 0
      for _, n in ipairs(counts) do sum = sum + n end
      return sum
    end
    assert.equal(16, #timings.handlers.quick)
    assert.equal(1, all(timings.handlers.quick))
    assert.equal(bucket("slow", "0.01"), timings.handlers.slow[7]) -- none so fast
    assert.equal(1, all(timings.handlers.slow))
    assert.is_true(all(timings.turns[""]) > 0 and all(timings.deliveries[""]) > 0)
  end)

  it("has no series for what timers call, and for what nobody called", function()
    alice:request "many"
    alice:request "quick"
    local _, text = admin.get(server, "/metrics")
    local series = 0
    for _ in text:gmatch "perigee_handler_seconds_count{" do
      series = series + 1
    end
    assert.equal(3, series)
  end)

  it("has an end to its series", function()
    local handlers = {}
    for i = 1, 205 do
      handlers[i] = ("h%d = function() end"):format(i)
    end
    server:write("main.lua", "return {" .. table.concat(handlers, ",") .. "}")
    server:reload()
    local tablet = server:connect "bob"
    for i = 1, 205 do
      tablet:send("h" .. i)
      if i % 50 == 0 then
        tablet:sync()
      end
    end
    tablet:sync()
    assert.is_true(count "other" >= 5)
  end)

  it("is counted for the loop and for what is delivered", function()
    local turns = admin.metric(server, "perigee_loop_turn_seconds_count")
    local writes = admin.metric(server, "perigee_delivery_seconds_count")
    alice:request "quick"
    assert.is_true(admin.metric(server, "perigee_loop_turn_seconds_count") > turns)
    assert.is_true(admin.metric(server, "perigee_delivery_seconds_count") > writes)
    assert.is_true(admin.metric(server, "perigee_loop_turn_seconds_sum") < 5)
  end)
end)
