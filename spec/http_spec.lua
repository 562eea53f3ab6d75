-- SPDX-License-Identifier: MIT
local cli = require "spec.support.cli"
local http = require "spec.support.http"
local t = require "perigee.testing"

describe("Over plain HTTP the server", function()
  local server

  lazy_setup(function() server = t.server {} end)

  lazy_teardown(function() server:stop() end)

  it("tells that it is well", function()
    assert.equal(200, (http.get(server.port, "/healthz")))
  end)

  it("has nothing else", function()
    for _, path in ipairs {
      "/", "/nothing", "/healthz/x", "/../etc/passwd", "/%2e%2e/etc/passwd",
      "/wsx", "/ws/",
    } do
      assert.equal(404, (http.get(server.port, path)), path)
    end
  end)

  it("wants an upgrade at /ws", function()
    local status = http.get(server.port, "/ws")
    assert.is_true(status == 426 or status == 400, tostring(status))
  end)

  it("upgrades at /ws only", function()
    assert.equal(101, (http.get(server.port, "/ws", http.upgrade())))
    for _, path in ipairs { "/", "/other", "/ws/x", "/healthz" } do
      assert.equal(404, (http.get(server.port, path, http.upgrade())), path)
    end
  end)

  it("upgrades to version 13 of the WebSocket protocol only", function()
    local function status(what, instead)
      local lines = { http.upgrade() }
      for i, line in ipairs(lines) do
        lines[i] = line:gsub(what, instead)
      end
      return (http.get(server.port, "/ws", table.unpack(lines)))
    end
    assert.equal(426, status("Version: 13", "Version: 99"))
    assert.equal(426, status("Upgrade: websocket", "Upgrade: h2c"))
    assert.equal(400, (http.get(server.port, "/ws",
      "Sec-WebSocket-Protocol: chat", http.upgrade())))
  end)

  it("takes a query after /ws", function()
    assert.equal(101, (http.get(server.port, "/ws?v=1", http.upgrade())))
  end)

  it("survives what is no HTTP", function()
    local socket = require "cqueues.socket"
    for _, bytes in ipairs {
      "\0\0\0\0", "GET\r\n\r\n", ("x"):rep(20000) .. "\r\n\r\n",
      "\22\3\1\2\0\1\0\1\252\3\3", "GET /ws HTTP/1.1\r\n",
    } do
      local conn = socket.connect("127.0.0.1", tonumber(server.port))
      conn:settimeout(t.timeout)
      conn:xwrite(bytes, "bn")
      conn:close()
    end
    assert.equal(200, (http.get(server.port, "/healthz")))
  end)
end)

describe("A browser of another origin", function()
  local function status(server, origin)
    return (http.get(server.port, "/ws", "Origin: " .. origin, http.upgrade()))
  end

  it("may connect if it is listed", function()
    local server = t.server {
      options = { origins = "https://a.example,https://b.example" },
    }
    assert.equal(101, status(server, "https://a.example"))
    assert.equal(101, status(server, "https://b.example"))
    assert.equal(403, status(server, "https://c.example"))
    assert.equal(403, status(server, "https://a.example.evil.example"))
    assert.equal(403, status(server, "http://a.example"))
    assert.equal(403, status(server, "null"))
    -- No browser: no origin.
    assert.equal(101, (http.get(server.port, "/ws", http.upgrade())))
  end)

  it("may connect if its subdomain is meant by a wildcard", function()
    local server = t.server { options = { origins = "https://*.a.example" } }
    assert.equal(101, status(server, "https://www.a.example"))
    assert.equal(101, status(server, "https://x.y.a.example"))
    assert.equal(403, status(server, "https://a.example"))
    assert.equal(403, status(server, "http://www.a.example"))
    assert.equal(403, status(server, "https://www.a.example.evil.example"))
    assert.equal(403, status(server, "https://evila.example"))
  end)

  it("is logged once, not each time that it is refused", function()
    local server = t.server { options = { origins = "https://a.example" } }
    for i = 1, 5 do
      assert.equal(403, status(server, "https://evil.example"))
      assert.equal(403, status(server, "https://other.example:" .. i))
    end
    server:wait_log "origin=https://other.example:5"
    local _, evil = server:log():gsub("origin=https://evil%.example", "")
    local _, others = server:log():gsub("origin=https://other%.example", "")
    assert.equal(1, evil)
    assert.equal(5, others)
  end)

  it("cannot fill the log with names", function()
    local server = t.server { options = { origins = "https://a.example" } }
    for i = 1, 100 do
      assert.equal(403, status(server, "https://evil.example:" .. i))
    end
    server:wait_log "origin=https://evil.example:64"
    local _, lines = server:log():gsub("status=403", "")
    assert.equal(64, lines)
  end)

  it("may connect in development mode", function()
    local server = t.server { mode = "dev" }
    assert.equal(101, status(server, "https://c.example"))
  end)
end)

describe("A server", function()
  after_each(cli.cleanup)

  local function check(...)
    return cli.run { "check", cli.folder { ["none.lua"] = "return {}" },
      "--auth.secret=an example secret of more than 32 bytes", ... }
  end

  it("does not start with an origin that none can have", function()
    for _, origin in ipairs { "https://a.example/", "a.example", "https://",
      "https://*.*.example" } do
      local status, _, problem = check("--origins=" .. origin)
      assert.not_equal(0, status)
      assert.matches("origins: `" .. origin .. "`", problem, 1, true)
    end
    assert.equal(0, (check "--origins=https://a.example:8443,null"))
  end)
end)
