-- SPDX-License-Identifier: MIT
local cli = require "spec.support.cli"
local fifo = require "spec.support.fifo"
local t = require "perigee.testing"

describe("perigee reload", function()
  local server, alice

  before_each(function()
    server = t.server { scripts = {
      ["main.lua"] = "return { value = function() return 1 end }",
    } }
    alice = server:connect { user = "alice" }
  end)

  after_each(function()
    server:stop()
    cli.cleanup()
  end)

  local function reload(...)
    return cli.run { "reload", "--admin=" .. server.admin, ... }
  end

  it("brings the new scripts and tells what they changed", function()
    server:write("main.lua", "return { value = function() return 2 end }")
    server:write("more.lua", "return { more = function() end }")
    local status, out, problem = reload()
    assert.equal(0, status, problem)
    assert.equal("", problem)
    assert.matches("generation 2 is live: 2 files, 2 handlers, [%d.]+ ms", out)
    assert.matches("added    more\n", out, 1, true)
    assert.matches("changed  value\n", out, 1, true)
    assert.not_matches("removed", out, 1, true)
    assert.equal(2, alice:request "value") -- it is live when that has ended
  end)

  it("tells file and line, and fails, when a script is wrong", function()
    server:write("bad.lua", "\nreturn { = }")
    local status, out, problem = reload()
    assert.equal(1, status)
    assert.equal("", out)
    assert.matches("perigee: " .. server.scripts .. "/bad.lua:2: ", problem,
      1, true)
    assert.matches("generation 1 goes on", problem, 1, true)
    assert.equal(1, alice:request "value")
  end)

  it("warns of what may break clients, and does it all the same", function()
    local declared = [[return { value = { schema = { n = "integer?" },
      handler = function() return %s end } }]]
    server:write("main.lua", declared:format(2))
    reload()
    server:write("main.lua", (declared:format(3):gsub("integer%?", "integer")))
    local status, out, problem = reload()
    assert.equal(0, status)
    assert.matches("breaking    request value: data.n: must be there now", out, 1, true)
    assert.matches("perigee: 2 changes may break clients that are out there", problem, 1, true)
    assert.equal(3, alice:request("value", { n = 1 }))
    server:write("main.lua", (declared:format(4):gsub("integer%?", "integer")))
    status, out, problem = reload()
    assert.same({ 0, "" }, { status, problem })
    assert.not_matches("breaking", out)
  end)

  it("changes nothing with --check", function()
    server:write("main.lua", "return { other = function() end }")
    local status, out, problem = reload("--check", "--allow-breaking")
    assert.equal(0, status, problem)
    assert.matches("are good", out, 1, true)
    assert.matches("added    other\n", out, 1, true)
    assert.matches("removed  value\n", out, 1, true)
    assert.equal(1, alice:request "value")
    server:write("bad.lua", "return {")
    status, out, problem = reload "--check"
    assert.equal(1, status)
    assert.equal("", out)
    assert.matches("bad.lua:1: ", problem, 1, true)
  end)

  it("finds the server by its configuration", function()
    local dir = cli.folder {
      ["perigee.cfg.lua"] = ("admin = { listen = %q }"):format(server.admin),
    }
    local port = server.admin:match "%d+$"
    for _, run in ipairs {
      { { "reload" }, { dir = dir } },
      { { "reload", "--config=" .. dir .. "/perigee.cfg.lua" } },
      { { "reload", "--admin.listen", server.admin } },
      { { "reload" }, { env = { PERIGEE_ADMIN_LISTEN = server.admin } } },
      { { "reload", "--admin", "localhost:" .. port } },
      { { "reload", "--admin=0.0.0.0:" .. port } }, -- it listens everywhere
      { { "reload", "--admin=:" .. port },
        { env = { http_proxy = "http://127.0.0.1:1" } } },
    } do
      local status, out, problem = cli.run(run[1], run[2])
      assert.equal(0, status, problem)
      assert.matches("is live", out, 1, true)
    end
  end)

  it("tells what to do when nobody answers", function()
    local address = server.admin
    server:stop()
    local status, out, problem = cli.run { "reload", "--admin=" .. address }
    assert.equal(2, status)
    assert.equal("", out)
    assert.matches(address, problem, 1, true)
    assert.matches("is the server running", problem, 1, true)
  end)

  it("tells when another program answers", function()
    local status, _, problem = cli.run {
      "reload", "--admin=127.0.0.1:" .. server.port }
    assert.equal(2, status)
    assert.matches("no admin address", problem, 1, true)
  end)

  it("wants an address", function()
    for words, expected in pairs {
      [{ "--admin.listen=" }] = "admin.listen is empty",
      [{ "--admin=nowhere" }] = "host:port",
      [{ "--admin=127.0.0.1:0" }] = "which port",
      [{ "./scripts" }] = "unexpected argument",
      [{ "--chekc" }] = "--chekc",
    } do
      local status, _, problem = cli.run { "reload", table.unpack(words) }
      assert.equal(2, status)
      assert.matches(expected, problem, 1, true)
    end
  end)
end)

describe("A reload while a C function holds a worker", function()
  local server, alice, bob, go_on

  local function script(version)
    local where = [[where = function() return require "perigee".worker end,
      version = function() return %d end,]]
    return (fifo.script:gsub("{", "{ " .. where:format(version), 1))
  end

  -- Alice is on the worker that is held, Bob on the other one.
  before_each(function()
    server = t.server {
      scripts = { ["main.lua"] = script(1) },
      options = { workers = 2 },
    }
    alice = server:connect { user = "alice" }
    local held = alice:request "where"
    bob = server:connect { user = "bob" }
    while bob:request "where" == held do -- the kernel spreads connections
      bob:close()
      bob = server:connect { user = "bob" }
    end
    go_on = fifo.block(server, alice)
    server:write("main.lua", script(2))
  end)

  after_each(function()
    go_on()
    server:stop()
    cli.cleanup()
  end)

  local function reload()
    return cli.run { "reload", "--admin=" .. server.admin }
  end

  it("is given up for all, and names who is in the way", function()
    local status, out, problem = reload()
    assert.equal(1, status)
    assert.equal("", out)
    local why = "worker %d has not answered for %d+ s: handler 'block' holds it"
    assert.matches(why, problem)
    assert.matches("generation 1 goes on", problem, 1, true)
    assert.matches(why, server:wait_log "(reload failed, gen=1 goes on: [^\n]*)")
    assert.equal(1, bob:request "version")
    go_on()
    assert.equal(1, alice:request "version")
  end)

  it("is no obstacle for the next one, when the worker is free", function()
    assert.equal(1, (reload()))
    assert.equal(1, (reload()))
    go_on()
    local status, _, problem = reload()
    assert.equal(0, status, problem)
    assert.equal(2, bob:request "version")
    assert.equal(2, alice:request "version")
  end)
end)
