-- SPDX-License-Identifier: MIT
-- A certificate ends one day; the connections should not.
local certificate = require "spec.support.certificate"
local t = require "perigee.testing"
local tls = require "spec.support.tls"

local scripts = {
  ["main.lua"] = "return { echo = function(_, data) return data end }",
}

describe("A new certificate", function()
  local server, dir, spare

  local function copy(from, to)
    assert(os.execute(("cp '%s' '%s'"):format(from, to)))
  end

  -- SIGHUP, and the line that tells what came of it.
  local function renew(pattern)
    local before = #server:log() + 1
    server:signal "HUP"
    return server:wait_log(pattern, before)
  end

  before_each(function()
    dir = io.popen("mktemp -d"):read "l"
    spare = dir .. "/spare"
    assert(os.execute("mkdir " .. spare))
    certificate(dir)
    certificate(spare)
    copy(dir .. "/cert.pem", dir .. "/first.pem")
    server = t.server {
      scripts = scripts,
      options = { ["tls.cert"] = dir .. "/cert.pem",
        ["tls.key"] = dir .. "/key.pem" },
    }
  end)

  after_each(function()
    server:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  it("is used after SIGHUP, and nobody is disturbed", function()
    local alice = tls.connect(server, dir .. "/first.pem", "alice")
    copy(spare .. "/cert.pem", dir .. "/cert.pem")
    copy(spare .. "/key.pem", dir .. "/key.pem")
    assert.matches("%d%d%d%d GMT", renew "new certificate, valid until ([^\n]+)")
    local bob = tls.connect(server, spare .. "/cert.pem", "bob")
    assert.equal(1, alice:request("echo", 1))
    assert.equal(2, bob:request("echo", 2))
    assert.is_false(pcall(tls.connect, server, dir .. "/first.pem", "carol"))
    assert.equal(3, alice:request("echo", 3))
  end)

  it("that is no good leaves the old one", function()
    local alice = tls.connect(server, dir .. "/first.pem", "alice")
    copy(spare .. "/cert.pem", dir .. "/cert.pem") -- but not its key
    assert.matches("tls.key", renew "the old certificate stays: ([^\n]+)")
    copy(spare .. "/log", dir .. "/cert.pem")
    assert.matches("tls.cert", renew "the old certificate stays: ([^\n]+)")
    os.remove(dir .. "/cert.pem")
    assert.matches("tls.cert", renew "the old certificate stays: ([^\n]+)")
    tls.connect(server, dir .. "/first.pem", "bob")
    assert.equal(1, alice:request("echo", 1))
  end)

  it("is used also when the scripts are broken", function()
    server:write("main.lua", "return {")
    copy(spare .. "/cert.pem", dir .. "/cert.pem")
    copy(spare .. "/key.pem", dir .. "/key.pem")
    renew "new certificate"
    local alice = tls.connect(server, spare .. "/cert.pem", "alice")
    assert.equal(1, alice:request("echo", 1))
  end)

  it("is not told if it is the same", function()
    server:reload()
    server:reload()
    assert.not_matches("certificate", server:log())
  end)
end)
