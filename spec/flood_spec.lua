-- SPDX-License-Identifier: MIT
-- Clients that are far past their rates: not read until they may again.

local admin = require "spec.support.admin"
local frames = require "spec.support.frames"
local t = require "perigee.testing"

-- More than is answered at once, and little for the buffers of a kernel.
local TIMES = 1000

local server, bob, flooder

local function counter(name)
  return admin.metric(server, ('perigee_%s_total{worker="1"}'):format(name))
end

local function start(options)
  server = t.server {
    scripts = { ["main.lua"] = [[
      local perigee = require "perigee"
      return {
        echo = function(_, data) return data end,
        kick = function(_, user) return perigee.kick(user) end,
        online = function(_, user) return perigee.is_online(user) end,
      }
    ]] },
    options = options,
  }
  bob = server:connect "bob"
  flooder = frames.connect(server, "/ws")
  flooder:send(frames.text(t.encode { type = "auth",
    data = { token = server:token { sub = "flooder" } } }))
  assert.matches("auth_ok", flooder:receive().payload)
end

local function flood(message)
  flooder:send(frames.text(message):rep(TIMES))
  t.wait_until(function() return counter "reads_paused" > 0 end)
end

after_each(function() server:stop() end)

describe("A flood of messages", function()
  before_each(function()
    start { ["limits.messages_per_s"] = 10, ["limits.burst"] = 10,
      ["heartbeat.interval_s"] = 0.1, ["heartbeat.timeout_s"] = 0.2 }
  end)

  it("waits at the side of its sender", function()
    flood '{"type":"echo"}'
    assert.is_true(counter "messages_in" < TIMES)
    assert.equal("x", bob:request("echo", "x"))
    assert.equal(0, counter "too_many_errors")
  end)

  it("does not let its sender be taken for dead", function()
    flood '{"type":"echo"}'
    t.wait_until(function() -- longer than a pause
      bob:try "echo" -- bob has rates, too
      return counter "reads_paused" >= 3
    end)
    assert.falsy(server:log():find("user=flooder closed", 1, true))
    assert.equal(0, counter "ping_timeouts")
  end)

  it("does not hide that its sender has gone", function()
    flood '{"type":"echo"}'
    flooder:drop()
    t.wait_until(function()
      return server:log():find("user=flooder closed by peer", 1, true)
    end)
  end)

  it("does not hold up the end that the server wants", function()
    flood '{"type":"echo"}'
    assert.equal(1, bob:request("kick", "flooder"))
    local frame
    repeat frame = flooder:receive() until frame.opcode == frames.CLOSE
    flooder:send(frames.close(4502))
    flooder:expect_end()
  end)
end)

it("A flood of bytes waits at the side of its sender", function()
  start { ["limits.bytes_per_s"] = 1000, ["limits.messages_per_s"] = 0,
    ["heartbeat.interval_s"] = 3600 }
  flood(t.encode { type = "echo", data = ("x"):rep(200) })
  assert.is_true(counter "messages_in" < TIMES)
  assert.equal("x", bob:request("echo", "x"))
end)
