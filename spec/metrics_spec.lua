-- SPDX-License-Identifier: MIT
local http = require "spec.support.http"
local t = require "perigee.testing"

local SCRIPT = [[
  local metrics = require "perigee".metrics
  return {
    count = function(_, data)
      metrics.counter(data.name, data.amount, data.labels)
    end,
    set = function(_, data)
      metrics.gauge(data.name, data.value, data.labels)
    end,
    observe = function(_, data)
      metrics.histogram(data.name, data.value, data.labels)
    end,
    many = function(_, n)
      for i = 1, n do metrics.counter("many_total", 1, { i = i }) end
    end,
    wrong = function(_, code)
      local ok, text = pcall(load(code))
      return ok and "fine" or text
    end,
  }
]]

describe("perigee.metrics", function()
  local server, alice

  before_each(function()
    server = t.server { scripts = { ["main.lua"] = SCRIPT },
      options = { ["limits.messages_per_s"] = 0,
        ["script.burst_ms"] = 20000 } } -- `many` takes its time
    alice = server:connect { user = "alice" }
  end)

  after_each(function() server:stop() end)

  local function metrics()
    local port = server.admin:match "%d+$"
    return "\n" .. select(2, http.get(port, "/metrics"))
  end

  local function assert_has(...)
    local text = metrics()
    for _, line in ipairs { ... } do
      assert.matches("\n" .. line .. "\n", text, 1, true)
    end
  end

  it("counts", function()
    alice:request("count", { name = "lines_total" })
    alice:request("count", { name = "lines_total", amount = 2.5 })
    alice:request("count", { name = "by_room_total",
      labels = { room = "lobby", vip = true, level = 3 } })
    assert_has("# TYPE lines_total counter", "lines_total 3.5",
      'by_room_total{level="3",room="lobby",vip="true"} 1')
  end)

  it("holds values", function()
    alice:request("set", { name = "queue_length", value = 7 })
    alice:request("set", { name = "queue_length", value = -2 })
    assert_has("# TYPE queue_length gauge", "queue_length -2")
  end)

  it("counts values in buckets", function()
    for _, value in ipairs { 0.002, 0.3, 0.3, 99 } do
      alice:request("observe", { name = "took_seconds", value = value,
        labels = { step = "a" } })
    end
    assert_has("# TYPE took_seconds histogram",
      'took_seconds_bucket{step="a",le="0.0025"} 1',
      'took_seconds_bucket{step="a",le="0.5"} 3',
      'took_seconds_bucket{step="a",le="+Inf"} 4',
      'took_seconds_count{step="a"} 4')
  end)

  it("survives reloads", function()
    alice:request("count", { name = "lines_total" })
    server:reload()
    alice:request("count", { name = "lines_total" })
    assert_has "lines_total 2"
  end)

  it("escapes labels", function()
    alice:request("count", { name = "odd_total",
      labels = { text = 'a"b\\c\nd é' } })
    assert_has [[odd_total{text="a\"b\\c\nd é"} 1]]
  end)

  it("is bounded, says so once, and goes on with what is there", function()
    alice:request("many", 1200)
    alice:request("many", 1200)
    server:wait_log "more than 1000 series"
    local _, told = server:log():gsub("more than 1000 series", "")
    assert.equal(1, told)
    local text = metrics()
    local _, count = text:gsub("\nmany_total{", "")
    assert.equal(1000, count)
    assert.matches('many_total{i="1000"} 2', text, 1, true)
    alice:request("count", { name = "new_total" })
    assert.not_matches("new_total", metrics(), 1, true)
  end)

  for code, expected in pairs {
    ["counter()"] = "bad argument #1 to 'counter'",
    ["counter('a b')"] = "A-Z a-z 0-9",
    ["counter('9a')"] = "A-Z a-z 0-9",
    ["counter('perigee_x')"] = "perigee_",
    ["counter('a', -1)"] = "never goes down",
    ["counter('a', 0/0)"] = "not a finite number",
    ["counter('a', 1/0)"] = "not a finite number",
    ["counter('a', 'x')"] = "number expected",
    ["counter('a', 1, 'x')"] = "table expected",
    ["counter('a', 1, { ['a b'] = 1 })"] = "label 'a b'",
    ["counter('a', 1, { le = 1 })"] = "label 'le'",
    ["counter('a', 1, { 'x' })"] = "label '1'",
    ["counter('a', 1, { x = {} })"] = "label 'x' must be",
    ["counter('a', 1, { x = '\\xff' })"] = "not valid UTF-8",
    ["counter('a', 1, { x = ('x'):rep(600) })"] = "longer than 512 bytes",
    ["counter('a', 1, { a=1, b=1, c=1, d=1, e=1, f=1, g=1, h=1, i=1 })"] =
      "more than 8 labels",
    ["gauge('a')"] = "number expected",
    ["gauge('a', 0/0)"] = "not a finite number",
    ["histogram('a', 1/0)"] = "not a finite number",
  } do
    it("refuses " .. code, function()
      local text = alice:request("wrong",
        "require 'perigee'.metrics." .. code)
      assert.matches(expected, text, 1, true)
      assert.not_matches("\n# TYPE a ", metrics(), 1, true)
    end)
  end

  it("gives a name one kind", function()
    alice:request("count", { name = "a" })
    assert.matches("of another kind already", alice:request("wrong",
      "require 'perigee'.metrics.gauge('a', 1)"), 1, true)
  end)

  it("is for live scripts", function()
    server:write("early.lua",
      "require 'perigee'.metrics.counter 'early_total' return {}")
    server:reload_fails()
    server:wait_log "@start"
    assert.not_matches("early_total", metrics(), 1, true)
  end)
end)
