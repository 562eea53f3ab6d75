-- SPDX-License-Identifier: MIT
-- Nobody reads the log: a collector that hangs, a pager, Ctrl-S.
local admin = require "spec.support.admin"
local cli = require "spec.support.cli"
local wrapped = require "spec.support.wrapped"

local script = [[
local perigee = require "perigee"
return {
  echo = function(_, data) return data end,
  flood = function(_, lines)
    for i = 1, lines do
      perigee.log.info("line " .. i .. " " .. ("x"):rep(1000))
    end
    return lines
  end,
}]]

local LINES = 3000 -- 3 MB: pipe and ring together hold a third of that

-- A server whose log is a pipe; `log` is the end that should be read.
local function start_with_pipe(options)
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkfifo " .. path))
  local server = wrapped.server("", {
    scripts = { ["main.lua"] = script },
    options = options,
    no_wait = true,
  }, "2>" .. path)
  local log = assert(io.open(path, "r"))
  os.remove(path)
  repeat
    local line = assert(log:read "l", "the server did not start")
    server.url, server.port, server.admin = line:match
      "ready on (http://[^%s]-:(%d+)) .* admin=([%w.:]+)"
  until server.url
  server.ws_url = server.url:gsub("^http", "ws") .. "/ws"
  return server, log
end

for _, workers in ipairs { 1, 2 } do
  describe(("a log that nobody reads (workers=%d)"):format(workers), function()
    local server, log

    before_each(function()
      server, log = start_with_pipe { workers = workers,
        ["script.burst_ms"] = 60000 }
    end)

    after_each(function()
      log:close()
      server:stop()
      cli.cleanup()
    end)

    it("holds nobody up, and tells how many lines are lost", function()
      local alice, bob = server:connect "alice", server:connect "bob"
      assert.equal(LINES, alice:request("flood", LINES))
      assert.equal("hi", bob:request("echo", "hi"))
      assert.equal("hi", server:connect("carol"):request("echo", "hi"))
      local lost = admin.metric(server, "perigee_log_lines_lost_total")
      assert.is_true(lost > 0)
      assert.is_true(admin.metric(server, "perigee_log_waiting_bytes") > 1e5)

      local came, told = 0, 0
      repeat
        local line = log:read "l"
        local number = line:match "line (%d+) x"
        if number then
          came = came + 1
          assert.equal(came + told, tonumber(number)) -- in order
        end
        told = told + (line:match "warn +(%d+) lines lost" or 0)
      until came + told >= LINES
      assert.equal(1, alice:request("flood", 1))
      repeat until log:read("l"):match "line 1 x"
    end)

    it("does not keep the server from ending", function()
      server:connect("alice"):request("flood", LINES)
      assert.equal(0, server:stop())
    end)
  end)
end
