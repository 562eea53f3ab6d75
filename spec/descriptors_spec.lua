-- SPDX-License-Identifier: MIT
-- As many connections as limits.connections says, whatever the shell's limit of
-- open files was, and however many workers there are.

local cli = require "spec.support.cli"
local t = require "perigee.testing"
local wrapped = require "spec.support.wrapped"

local scripts = { ["main.lua"] = "return { echo = function(_, d) return d end }" }

local function start(limit, options)
  options["limits.per_ip"] = 0
  options["limits.per_user"] = 0
  options["limits.handshakes_per_s"] = 0
  options["fetch.at_once"] = 1
  return wrapped.server(limit, { scripts = scripts, options = options })
end

describe("Many workers, started with few open files,", function()
  after_each(cli.cleanup)

  it("let in limits.connections clients, and tell the next one why", function()
    local clients = {}
    local server = start("ulimit -Sn 64",
      { workers = 8, ["limits.connections"] = 120 })
    for i = 1, 120 do
      clients[i] = server:connect { user = "user" .. i }
    end
    local late = server:connect { auth = false }
    assert.equal("TRY_LATER", late:expect("error").data.code)
    assert.equal("try_later", late:expect_close(4007))
    for i, client in ipairs(clients) do
      assert.equal(i, client:request("echo", i))
    end
  end)

  it("say at the start what they cannot raise, and serve who fits", function()
    local clients = {}
    local server = start("ulimit -n 150",
      { workers = 4, ["limits.connections"] = 1000 })
    server:wait_log "limits.connections needs 1%d+ open files, the hard limit is 150"
    repeat
      local ok, client = pcall(server.connect, server,
        { user = "user" .. #clients })
      clients[ok and #clients + 1 or "refused"] = client
    until clients.refused or server:log():find "accept: Too many open files"
    assert.is_true(#clients > 50)
    for i, client in ipairs(clients) do
      assert.equal(i, client:request("echo", i))
    end
    clients[1]:close()
    t.wait_until(function()
      return pcall(server.connect, server, { user = "next" })
    end)
  end)
end)
