-- SPDX-License-Identifier: MIT
-- perigee bench over TLS.
local certificate = require "spec.support.certificate"
local cli = require "spec.support.cli"
local t = require "perigee.testing"

local SECRET = "an example secret of more than 32 bytes"

local function bench(...)
  local status, out, problem = cli.run { "bench", "--warmup=50ms",
    "--duration=1s", "--json", ... }
  local line = out:match '{"scenario"[^\n]*}'
  return status, line and t.decode(line), problem
end

describe("perigee bench over TLS", function()
  local cert, key
  local server

  before_each(function()
    cert, key = certificate(cli.folder())
  end)

  after_each(function()
    if server then
      server:stop()
    end
    server = nil
    cli.cleanup()
  end)

  local function start(options)
    server = t.server {
      scripts = { ["echo.lua"] = "return { echo = function(_, d) return d end }" },
      options = options,
    }
  end

  for _, scenario in ipairs { "echo", "room", "storm" } do
    it("measures a server of its own: " .. scenario, function()
      local status, result, problem = bench(scenario, "--connections=5",
        "--bytes=100000", "--tls.cert=" .. cert, "--tls.key=" .. key)
      assert.equal(0, status, problem)
      assert.is_nil(next(result.errors))
      assert.is_true((result.delivered or result.connects) > 0)
    end)
  end

  it("measures another one", function()
    start { ["tls.cert"] = cert, ["tls.key"] = key,
      ["limits.messages_per_s"] = 0, ["limits.bytes_per_s"] = 0 }
    local url = ("wss://localhost:%d/ws"):format(server.port)
    local status, result, problem = bench(url, "--type=echo",
      "--connections=3", "--secret=" .. SECRET)
    assert.equal(0, status, problem)
    assert.is_nil(next(result.errors))
    assert.is_true(result.delivered > 0)
  end)

  it("says that no TLS is spoken there", function()
    start()
    local status, result = bench(
      ("wss://localhost:%d/ws"):format(server.port), "--connections=2",
      "--secret=" .. SECRET)
    assert.equal(1, status)
    local why, count = next(result.errors)
    assert.equal(2, count)
    assert.is_truthy(why:find "^TLS: " or why:find "^hung up", why)
  end)

  it("says why its server does not start", function()
    local status, _, problem = bench("--tls.cert=/nope.pem",
      "--tls.key=" .. key)
    assert.equal(1, status)
    assert.matches("the server did not start", problem, 1, true)
    assert.matches("tls.cert: /nope.pem: ", problem, 1, true)
  end)
end)
