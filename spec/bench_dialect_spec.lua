-- SPDX-License-Identifier: MIT
-- What only bench/run uses of perigee bench: servers that speak otherwise,
-- random clients of many, and clients that come first or once.
local t = require "perigee.testing"
local cli = require "spec.support.cli"

local SHORT = { "--warmup=50ms", "--duration=200ms", "--json" }

local function read_command(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

-- Exit status, the JSON object, standard error.
local function bench(words)
  local all = { "bench" }
  for word in words:gmatch "%S+" do all[#all + 1] = word end
  table.move(SHORT, 1, #SHORT, #all + 1, all)
  local status, out, problem = cli.run(all)
  return status, out:find "^{" and t.decode(out), problem
end

local function assert_all_came(words, receivers)
  local status, r, problem = bench(words)
  assert.equal(0, status, problem)
  assert.is_true(r.sent > 0)
  assert.equal(r.sent * receivers, r.expected)
  assert.equal(r.expected, r.delivered)
  return r
end

describe("perigee bench", function()
  after_each(cli.cleanup)

  it("lets random clients of many talk", function()
    local r = assert_all_came(
      "rooms --connections=20 --room-size=5 --active=10 --window=3", 5)
    assert.equal(10, r.active)
    assert.equal(10, r.senders)
    r = assert_all_came("user --connections=20 --active=4 --window=8", 1)
    assert.equal(4, r.active)
    assert_all_came("user --connections=20 --active=4 --rate=300", 1)
  end)

  it("does not count the clients that come first", function()
    local status, r, problem = bench "idle --connections=40 --first=10"
    assert.equal(0, status, problem)
    assert.equal(50, r.connected)
    assert.equal(10, r.first)
    assert.equal(5, r.rooms)
  end)

  it("lets all come once in a storm, and stay", function()
    for _, first in ipairs { 0, 7 } do
      local status, r, problem = bench(
        "storm --connections=30 --once" ..
        (first > 0 and " --first=" .. first or ""))
      assert.equal(0, status, problem)
      assert.equal(30, r.sent)
      assert.equal(30, r.delivered)
      assert.equal(30, r.arrived)
      assert.equal(30 + first, r.connected)
      assert.is_true(r.server.cpu_us_per_delivery > 0)
      assert.is_true(r.latency.p50_us > 0)
    end
  end)

  for words, what in pairs {
    ["echo --once"] = "--once is for",
    ["storm --once --rate=5"] = "--ramp",
    ["storm --first=5"] = "--first is for",
    ["room --first=5"] = "--first is for",
    ["echo --active=5"] = "--active is for",
    ["user --connections=4 --active=5"] = "--active: 5",
    ["user --active=5 --senders=5"] = "leave one out",
    ["--dialect=raw"] = "URL",
    ["ws://127.0.0.1:1 --dialect=row"] = "json, session, raw or socketio",
    ["ws://127.0.0.1:1 --dialect=raw --script=x.lua"] = "--script",
  } do
    it("refuses " .. words, function()
      local status, _, problem = bench(words)
      assert.equal(2, status)
      assert.matches(what, problem, 1, true)
    end)
  end
end)

describe("perigee bench in raw", function()
  local folder, pid, url

  setup(function()
    folder = cli.folder {}
    cli.folders = {} -- until teardown
    local program = folder .. "/baseline"
    assert(os.execute((os.getenv "CC" or "cc") ..
      " -std=gnu11 -D_GNU_SOURCE bench/baseline.c -o " .. program ..
      " -lcrypto"))
    local _, port = cli.run { "bench", "--free-port" }
    port = port:match "^%d+"
    pid = read_command(("%s %s >%s/log 2>&1 & echo $!")
      :format(program, port, folder)):match "%d+"
    url = "ws://127.0.0.1:" .. port .. " --wait=" .. t.timeout ..
      "s --dialect=raw --pid=" .. pid .. " "
  end)

  teardown(function()
    os.execute("kill " .. pid)
    os.execute("rm -r " .. folder)
  end)
  after_each(cli.cleanup)

  for words, receivers in pairs {
    ["echo --connections=7"] = 1,
    ["echo --connections=4 --window=8 --bytes=3000"] = 1,
    ["room --connections=6 --window=4"] = 6,
    ["rooms --connections=20 --active=20 --window=2"] = 10,
    ["user --connections=9 --active=9"] = 1,
    ["echo --connections=7 --rate=500"] = 1,
  } do
    it("gets from bench/baseline what it sends: " .. words, function()
      local r = assert_all_came(url .. words, receivers)
      assert.equal("raw", r.dialect)
      assert.equal(0, r.pushed)
      assert.is_true(r.server.cpu_us_per_delivery > 0)
    end)
  end

  it("holds idle clients, and counts connects", function()
    local status, r = bench(url .. "idle --connections=20 --first=2")
    assert.equal(0, status)
    assert.equal(22, r.connected)
    status, r = bench(url .. "storm --connections=20 --once --first=3")
    assert.equal(0, status)
    assert.equal(20, r.delivered)
  end)
end)
