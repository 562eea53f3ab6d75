-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"
local cli = require "spec.support.cli"

local NONE = { ["none.lua"] = "return {}" } -- a script of nothing
local SECRET = "an example secret of more than 32 bytes"

describe("The command perigee", function()
  after_each(cli.cleanup)

  it("tells its version", function()
    local status, out = cli.run { "--version" }
    assert.equal(0, status)
    assert.matches("^perigee %d+%.%d+%.%d+", out)
  end)

  it("tells its commands and options", function()
    for _, words in ipairs { { "--help" }, { "help" } } do
      local status, out = cli.run(words)
      assert.equal(0, status)
      for _, word in ipairs { "serve", "dev", "check", "token", "config" } do
        assert.matches(word, out, 1, true)
      end
    end
    local status, out = cli.run { "serve", "--help" }
    assert.equal(0, status)
    for _, option in ipairs {
      "--listen", "--auth.secret", "--heartbeat.interval_s", "--limits.per_ip",
    } do
      assert.matches(option, out, 1, true)
    end
  end)

  it("helps with a wrong command or option", function()
    local status, _, problem = cli.run { "serv" }
    assert.not_equal(0, status)
    assert.matches("serve", problem, 1, true)
    status, _, problem = cli.run { "serve", "--heartbeat.intervals=3" }
    assert.not_equal(0, status)
    assert.matches("heartbeat.intervals", problem, 1, true)
    assert.matches("did you mean", problem, 1, true)
    assert.matches("heartbeat.interval_s", problem, 1, true)
  end)

  it("refuses values that make no sense, and says which", function()
    for option, value in pairs {
      ["heartbeat.interval_s"] = "soon",
      ["limits.per_user"] = "-1",
      ["limits.message_bytes"] = "1",
      ["log.level"] = "loud",
      ["auth.algorithm"] = "none",
      ["listen"] = "127.0.0.1:99999",
    } do
      local status, _, problem = cli.run {
        "serve", cli.folder(NONE), "--auth.secret=" .. SECRET,
        ("--%s=%s"):format(option, value),
      }
      assert.not_equal(0, status)
      assert.matches(option, problem, 1, true)
    end
  end)
end)

describe("perigee token", function()
  after_each(cli.cleanup)

  it("prints a token that the server accepts", function()
    local server = t.server {
      scripts = {
        ["main.lua"] = [[return {
          claims = function(client) return client.claims end }]],
      },
    }
    local status, out = cli.run {
      "token", "--user", "42", "--ttl", "1h", "--claim", "role=admin",
      "--auth.secret=" .. server.secret,
    }
    assert.equal(0, status)
    local token = assert(out:match "^([%w_-]+%.[%w_-]+%.[%w_-]+)\n$")
    local alice = server:connect { token = token }
    assert.equal("42", alice.info.user)
    assert.is_true(alice.info.ttl <= 3600 and alice.info.ttl > 3500)
    assert.equal("admin", alice:request("claims").role)
  end)

  it("wants a user and a key", function()
    local status, _, problem = cli.run {
      "token", "--auth.secret=" .. SECRET,
    }
    assert.not_equal(0, status)
    assert.matches("--user", problem, 1, true)
    status, _, problem = cli.run { "token", "--user", "42" }
    assert.not_equal(0, status)
    assert.matches("auth.secret", problem, 1, true)
    status = cli.run { "token", "--user", "42", "--ttl", "soon",
      "--auth.secret=" .. SECRET }
    assert.not_equal(0, status)
  end)
end)

describe("perigee serve", function()
  after_each(cli.cleanup)

  local function serve(files, ...)
    return cli.run { "serve", cli.folder(files), "--listen=127.0.0.1:0", ... }
  end

  it("refuses to start without a key, and tells how to make one", function()
    local status, _, problem = serve(NONE)
    assert.not_equal(0, status)
    assert.matches("auth.secret", problem, 1, true)
    assert.matches("openssl rand", problem, 1, true)
  end)

  it("refuses a key that is too short, and does not show it", function()
    local status, _, problem = serve(NONE, "--auth.secret=hunter2")
    assert.not_equal(0, status)
    assert.matches("32", problem, 1, true)
    assert.is_nil(problem:find("hunter2", 1, true))
  end)

  it("takes a key from the environment", function()
    local server = t.server {
      options = { ["auth.secret"] = false },
      env = { PERIGEE_AUTH_SECRET = SECRET },
    }
    assert.equal("alice", server:connect({ user = "alice" }).info.user)
    assert.equal(0, server:stop())
    assert.is_nil(server.last_log:find("example secret", 1, true))
  end)

  it("refuses a broken script, with file and line", function()
    local status, _, problem = serve({ ["main.lua"] = "\nreturn { = }" },
      "--auth.secret=" .. SECRET)
    assert.equal(1, status)
    assert.matches("main.lua:2:", problem, 1, true)
    assert.is_nil(problem:find "ready on")
  end)

  it("refuses a folder that is not there", function()
    local status, _, problem = cli.run { "serve", "/nowhere/scripts",
      "--listen=127.0.0.1:0", "--auth.secret=" .. SECRET }
    assert.equal(1, status)
    assert.matches("/nowhere/scripts", problem, 1, true)
  end)

  it("refuses a port that is in use, and names the address", function()
    local server = t.server {}
    local address = "127.0.0.1:" .. server.port
    local status, _, problem = cli.run { "serve", cli.folder {},
      "--listen=" .. address, "--auth.secret=" .. SECRET }
    assert.equal(1, status)
    assert.matches(address, problem, 1, true)
    assert.equal("alice", server:connect({ user = "alice" }).info.user)
  end)

  it("says once that it is ready, and stops on SIGTERM and SIGINT", function()
    for _, signal in ipairs { "TERM", "INT" } do
      local server = t.server {}
      assert.equal(0, server:stop(signal))
      local _, count = server.last_log:gsub("ready on http://", "")
      assert.equal(1, count)
    end
  end)

  it("writes log lines as JSON if told to", function()
    local server = t.server { options = { ["log.format"] = "json" } }
    assert.equal(0, server:stop())
    for line in server.last_log:gmatch "[^\n]+" do
      local entry = t.decode(line)
      assert.is_string(entry.time)
      assert.is_string(entry.level)
      assert.is_string(entry.msg)
    end
  end)
end)

describe("perigee dev", function()
  it("makes a key and a token for a try", function()
    local server = t.server {
      mode = "dev",
      options = { ["auth.secret"] = false },
    }
    local token = server:wait_log "(eyJ[%w_-]+%.[%w_-]+%.[%w_-]+)"
    local client = server:connect { token = token }
    assert.is_string(client.info.user)
  end)
end)
