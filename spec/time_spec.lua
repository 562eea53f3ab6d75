-- SPDX-License-Identifier: MIT
-- after, every, spawn: functions that run later, on their own.

local t = require "perigee.testing"

local script = [[
local perigee = require "perigee"
local log, timers = {}, {}
local function note(text) log[#log + 1] = text end

return {
  log = function() return perigee.json.array(log) end,

  after = function(client)
    timers.after = perigee.after(0.01, function()
      note "after"
      client:send { type = "rang" }
    end)
    return { tostring(timers.after):match "^timer%(after .+:%d+%)$" ~= nil }
  end,

  every = function(client)
    local n = 0
    timers.every = perigee.every(0.001, function()
      n = n + 1
      client:send { type = "tick", data = n }
      if n == 3 then timers.every:cancel() end
    end)
  end,

  overlap = function(client)
    local running, n = 0, 0
    local timer
    timer = perigee.every(0.001, function()
      running, n = running + 1, n + 1
      client:send { type = "runs", data = running }
      perigee.sleep(0.01)
      running = running - 1
      if n == 3 then timer:cancel() client:send { type = "over" } end
    end)
  end,

  cancel = function()
    local timer = perigee.after(60, function() note "never" end)
    return { timer:cancel(), timer:cancel(), tostring(timer) }
  end,

  ["cancel.rung"] = function()
    local rang = false
    local timer = perigee.after(0, function() rang = true end)
    repeat perigee.sleep(0.001) until rang
    return timer:cancel()
  end,

  spawn = function(client)
    perigee.spawn(function(...)
      perigee.sleep(0.001)
      client:send { type = "spawned", data = { select("#", ...), (...),
        (select(3, ...)) } }
    end, 1, nil, "three")
    return "first"
  end,

  fails = function(client)
    perigee.every(0.001, function()
      client:send { type = "failing" }
      error "in the timer"
    end)
  end,

  many = function()
    local made = {}
    local ok, text = pcall(function()
      while true do made[#made + 1] = perigee.after(60, note) end
    end)
    for i = 1, #made do made[i]:cancel() end
    return { #made, ok, text }
  end,

  wrong = function()
    local texts = {}
    for i, arguments in ipairs {
      { -1, note }, { 0 / 0, note }, { 1e300, note }, { "x", note }, { 1 },
    } do
      local ok, text = pcall(perigee.after, table.unpack(arguments))
      texts[i] = { ok, text }
    end
    return texts
  end,

  ["@start"] = function()
    perigee.every(0.001, function() perigee.send_to_room("ticks",
      { type = "generation", data = perigee.generation }) end)
  end,
}
]]

describe("a timer", function()
  local server, alice

  setup(function()
    server = t.server {
      scripts = { ["time.lua"] = script },
      options = { ["script.burst_ms"] = 20000 }, -- ten thousand take their time
    }
  end)
  teardown(function() server:stop() end)
  before_each(function() alice = server:connect { user = "alice" } end)

  it("rings once after its time", function()
    assert.same({ true }, alice:request "after")
    alice:expect "rang"
    assert.same({ "after" }, alice:request "log")
  end)

  it("rings again and again until it is cancelled", function()
    alice:send "every"
    for n = 1, 3 do
      assert.equal(n, alice:expect("tick").data)
    end
    alice:request "log"
    alice:expect_nothing()
  end)

  it("never overlaps itself", function()
    alice:send "overlap"
    for _ = 1, 3 do
      assert.equal(1, alice:expect("runs").data)
    end
    alice:expect "over"
    alice:expect_nothing()
  end)

  it("can be cancelled once, and not after it rang", function()
    assert.same({ true, false, "timer(over)" }, alice:request "cancel")
    assert.is_false(alice:request "cancel.rung")
  end)

  it("goes on after an error, which is logged with its place", function()
    alice:send "fails"
    alice:expect "failing"
    alice:expect "failing"
    assert.truthy(server:wait_log
      "handler=every [^\n]-time.lua:%d+ conn=0 user=%- [^\n]*in the timer")
  end)

  it("is one of ten thousand at most", function()
    local made, ok, text = table.unpack(alice:request "many")
    assert.is_false(ok)
    assert.truthy(text:find("10000 timers and spawned functions are pending",
      1, true))
    assert.is_true(made > 9900 and made <= 10000)
    assert.same({ true, false, "timer(over)" }, alice:request "cancel")
  end)

  it("wants seconds and a function", function()
    for _, answer in ipairs(alice:request "wrong") do
      assert.is_false(answer[1])
      assert.truthy(answer[2]:find "seconds must be" or
        answer[2]:find "expected")
    end
  end)

  it("ends with its generation", function()
    local watcher = server:connect { user = "watcher" }
    watcher:request("join", { room = "ticks" })
    assert.equal(1, watcher:expect("generation").data)
    server:reload()
    repeat until watcher:expect("generation").data == 2
    for _ = 1, 5 do -- whatever the old one sent came before
      assert.equal(2, watcher:expect("generation").data)
    end
  end)
end)

describe("spawn", function()
  local server

  setup(function()
    server = t.server { scripts = { ["time.lua"] = script } }
  end)
  teardown(function() server:stop() end)

  it("runs a function beside the handler, with its arguments", function()
    local alice = server:connect { user = "alice" }
    assert.equal("first", alice:request "spawn")
    assert.same({ 3, 1, "three" }, alice:expect("spawned").data)
  end)
end)
