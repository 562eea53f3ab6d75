-- SPDX-License-Identifier: MIT
-- `perigee console` prints links, and what it says when it cannot.
local admin = require "spec.support.admin"
local api = require "spec.support.api"
local cli = require "spec.support.cli"
local http = require "spec.support.http"
local t = require "perigee.testing"

describe("perigee console", function()
  local server

  after_each(function()
    server:stop()
    cli.cleanup()
  end)

  local function console(...)
    return cli.run { "console", "--admin=" .. server.admin, ... }
  end

  local function opens(out)
    local port, secret = out:match "^http://127%.0%.0%.1:(%d+)/#link=(%x+)\n$"
    assert.equal(admin.port_of(server), port)
    return (http.exchange(port, { "POST /console/enter HTTP/1.1", "Host: localhost:" .. port,
      "Content-Length: 0", "Authorization: Link " .. secret }))
  end

  it("prints a link, made with the first key that has admin", function()
    server = t.server { options = api.options() }
    local status, out, problem = console(("--api.keys=shop:send:%s,ops:%s"):format(
      api.SENDER, api.KEY))
    assert.equal(0, status, problem)
    assert.matches("opens the console once", problem, 1, true)
    assert.equal(200, opens(out))
    assert.equal(401, opens(out))
  end)

  it("needs no key in development", function()
    server = t.server { mode = "dev" }
    local status, out, problem = console()
    assert.equal(0, status, problem)
    assert.equal(200, opens(out))
  end)

  it("says which keys it needs", function()
    server = t.server { options = api.options() }
    local status, out, problem = console()
    assert.equal(1, status)
    assert.equal("", out)
    assert.matches("name one with `admin` in api.keys", problem, 1, true)
    status, out, problem = console("--api.keys=shop:" .. api.KEY .. "1")
    assert.equal(1, status)
    assert.equal("", out)
    assert.matches("api.keys", problem, 1, true)
  end)

  it("says that nobody answers, and what browsers cannot open", function()
    server = t.server {}
    local status, _, problem = cli.run { "console", "--admin=127.0.0.1:1" }
    assert.equal(2, status)
    assert.matches("is the server running", problem, 1, true)
    status, _, problem = cli.run { "console", "--admin=unix:/tmp/none.sock" }
    assert.equal(2, status)
    assert.matches("browsers cannot open unix:/tmp/none.sock", problem, 1, true)
  end)
end)
