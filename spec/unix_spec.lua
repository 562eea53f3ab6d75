-- SPDX-License-Identifier: MIT
-- Unix sockets, for a proxy or an operator on the same machine.
local cli = require "spec.support.cli"
local socket = require "cqueues.socket"
local t = require "perigee.testing"

local SECRET = "an example secret of more than 32 bytes"

local function ask(path, line, ...)
  local peer = socket.connect { path = path }
  peer:settimeout(t.timeout)
  peer:setmode("bn", "bn")
  assert(peer:write(table.concat({ line, "Host: localhost",
    "Connection: close", ... }, "\r\n") .. "\r\n\r\n"))
  local answer = peer:read "*a"
  peer:close()
  return answer
end

describe("A Unix socket", function()
  local dir

  before_each(function() dir = io.popen("mktemp -d"):read "l" end)
  after_each(function()
    cli.cleanup()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  local function start(options)
    local path = dir .. "/clients.sock"
    local all = { listen = "unix:" .. path }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    local server = t.server { no_wait = true, options = all,
      scripts = { ["who.lua"] = [[
        return { ["@raw"] = function(client) client:send_raw(client.ip) end }
      ]] } }
    server:wait_log("ready on http://unix:" .. path:gsub("%p", "%%%0"))
    return server, path
  end

  for _, workers in ipairs { 1, 3 } do
    it(("is served by %d worker(s), and gone with them"):format(workers),
      function()
        local server, path = start { workers = workers }
        for _ = 1, 20 do
          assert.matches("^HTTP/1.1 200 .*ok\n$",
            ask(path, "GET /healthz HTTP/1.1"))
        end
        local mode = io.popen("stat -c %a " .. path):read "l"
        assert.equal("660", mode)
        assert.equal(0, server:stop())
        assert.is_nil(io.open(path))
        assert.is_nil((io.popen("ls -A " .. dir):read "l"))
      end)
  end

  it("says whether it is well while nobody takes the files it sends",
    function()
      assert(os.execute("mkdir " .. dir .. "/public && truncate -s 1M "
        .. dir .. "/public/large.html"))
      local server, path = start { public = dir .. "/public" }
      local slow = {}
      for i = 1, 220 do -- more than are answered at once
        slow[i] = socket.connect { path = path }
        slow[i]:setmode("bn", "bn")
        assert(slow[i]:write "GET /large.html HTTP/1.1\r\nHost: x\r\n\r\n")
      end
      assert.matches("^HTTP/1.1 200 .*ok\n$",
        ask(path, "GET /healthz HTTP/1.1"))
      for _, peer in ipairs(slow) do peer:close() end
      server:stop()
    end)

  it("may be that of the admin address", function()
    local path = dir .. "/admin.sock"
    local server = t.server { options = { ["admin.listen"] = path } }
    assert.matches("^HTTP/1.1 200 ", ask(path, "GET /metrics HTTP/1.1"))
    assert.not_matches("whoever reaches", server:log(), 1, true)
    local status, out = cli.run { "reload", "--admin=" .. path,
      "--auth.secret=" .. SECRET }
    assert.equal(0, status)
    assert.matches("is live", out, 1, true)
  end)

  it("is taken over from a server that was killed, not from one that runs",
    function()
      local path = dir .. "/clients.sock"
      local function serve()
        return cli.run { "serve", cli.folder { ["none.lua"] = "return {}" },
          "--listen=" .. path, "--admin.listen=", "--auth.secret=" .. SECRET }
      end
      local server = start()
      local status, _, problem = serve()
      assert.equal(1, status)
      assert.matches("in use", problem, 1, true)
      assert.matches("^HTTP/1.1 200", ask(path, "GET /healthz HTTP/1.1"))
      server:stop "KILL"
      server = start()
      assert.matches("^HTTP/1.1 200", ask(path, "GET /healthz HTTP/1.1"))
      server:stop()
    end)

  it("does not take the place of a file", function()
    local path = dir .. "/file"
    assert(io.open(path, "w")):close()
    local status, _, problem = cli.run { "serve",
      cli.folder { ["none.lua"] = "return {}" }, "--listen=unix:" .. path,
      "--admin.listen=", "--auth.secret=" .. SECRET }
    assert.equal(1, status)
    assert.matches("no socket", problem, 1, true)
  end)

  it("has a path that is not too long", function()
    local status, _, problem = cli.run { "check", cli.folder {},
      "--listen=unix:/" .. ("x"):rep(200), "--auth.secret=" .. SECRET }
    assert.not_equal(0, status)
    assert.matches("too long", problem, 1, true)
  end)
end)
