-- SPDX-License-Identifier: MIT
-- An owner on three machines and a Redis, all of which break. Whatever happens,
-- each message that was taken is in its state, once and in order.
-- PERIGEE_FAULTS is how many there are, PERIGEE_SEED which.

local faults = require "spec.support.faults"
local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

local FAULTS = tonumber(os.getenv "PERIGEE_FAULTS") or 8
local SEED = tonumber(os.getenv "PERIGEE_SEED") or os.time()

local script = [[
  local perigee = require "perigee"
  local game = { every = 0.02, save = 0.2, tick = function(state, told)
    state = state or { got = perigee.json.array {} }
    for _, message in ipairs(told) do table.insert(state.got, message) end
    return state
  end }
  return {
    tell = function(_, message)
      local done, code, text = perigee.owner("game", game):tell(message)
      if not done then return nil, code, text end
      return true
    end,
    -- The last saved state.
    seen = function()
      local record, code, text = perigee.store.get "owner:game:record"
      if code then return nil, code, text end
      return record and record.state and record.state.got or perigee.json.array {}
    end,
  }
]]

describe("An owner among machines that break", function()
  local redis, servers, clients, told, taken, start

  setup(function()
    math.randomseed(SEED)
    redis = redis_server { appendonly = "yes", appendfsync = "always" }
    start = machines_on(redis, { scripts = { ["main.lua"] = script },
      options = { ["store.shared"] = true, ["node.lease_s"] = 2, ["redis.probe_s"] = 0.2,
        ["limits.messages_per_s"] = 0 } })
    servers, clients, told, taken = {}, {}, {}, {}
  end)

  teardown(function()
    for _, server in ipairs(servers) do server:stop() end
    redis:stop()
  end)

  local function come(i)
    t.wait_until(function()
      local ok, client = pcall(servers[i].connect, servers[i], "user" .. i)
      clients[i] = ok and client or nil
      return ok
    end)
  end

  local function tell()
    local i = math.random(3)
    local message = ("%d:%d"):format(i, #told + 1)
    local ok, answer = pcall(clients[i].try, clients[i], "tell", message)
    told[#told + 1], told[message] = message, true
    if ok and answer == true then taken[message] = #told end
    if not ok then come(i) end
  end

  local function breaks()
    return {
      faults.replace(servers, start, come),
      faults.pause(servers, 0.3, 12),
      faults.pause({ redis }, 0.3, 10),
      faults.restart(redis),
      faults.command(redis, "SCRIPT FLUSH"),
      faults.command(redis, "CLIENT KILL TYPE normal"),
      function() servers[math.random(3)]:reload() end,
    }
  end

  -- What is in the state, when all is in it that was taken up to `number`.
  local function wait_for(number)
    local got, there
    t.wait_until(function()
      tell() -- after a reload nobody owns the name who is not asked
      local ok, answer = pcall(clients[1].try, clients[1], "seen")
      if not ok then come(1) end
      if not ok or not answer then return false end
      got, there = answer, {}
      for _, message in ipairs(got) do there[message] = true end
      for message, place in pairs(taken) do
        if place <= number and not there[message] then return false end
      end
      return true
    end)
    return got
  end

  it("has each message once, in order, or says that it has not", function()
    for i = 1, 3 do
      servers[i] = start()
      come(i)
    end
    local all = breaks()
    for _ = 1, FAULTS do
      for _ = 1, math.random(20) do tell() end
      all[math.random(#all)]()
      for _ = 1, math.random(20) do tell() end
    end
    local seen, last = {}, {}
    for _, message in ipairs(wait_for(#told)) do
      local i, number = message:match "(%d):(%d+)"
      local why = ("seed %d: %s"):format(SEED, message)
      assert.is_true(told[message], why)
      assert.is_nil(seen[message], why)
      assert.is_true(tonumber(number) > (last[i] or 0), why)
      seen[message], last[i] = true, tonumber(number)
    end
  end)
end)
