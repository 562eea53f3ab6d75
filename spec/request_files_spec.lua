-- SPDX-License-Identifier: MIT
-- Requests for files: they arrive whole, pages of other origins may read the
-- client, and who takes them slowly keeps nobody out.
local certificate = require "spec.support.certificate"
local cli = require "spec.support.cli"
local http = require "spec.support.http"
local raw = require "spec.support.raw"
local t = require "perigee.testing"

local HOST = "Host: localhost\r\n"
local LAST = "Connection: close\r\n"

describe("A file", function()
  local dir, text

  lazy_setup(function()
    dir = io.popen("mktemp -d"):read "l"
    certificate(dir)
    text = {}
    for i = 1, 400000 do
      text[i] = ("%07d\n"):format(i)
    end
    text = table.concat(text)
    local file <close> = assert(io.open(dir .. "/big.txt", "w"))
    file:write(text)
  end)
  lazy_teardown(function() os.execute("rm -rf '" .. dir .. "'") end)

  for _, scheme in ipairs { "http", "https" } do
    it("arrives whole by " .. scheme, function()
      local tls = scheme == "https"
      local server = t.server { no_wait = true, options = { public = dir,
        ["tls.cert"] = tls and dir .. "/cert.pem" or nil,
        ["tls.key"] = tls and dir .. "/key.pem" or nil } }
      local port = server:wait_log("ready on " .. scheme .. "://[^:]*:(%d+)")
      for _ = 1, 3 do
        local answer = raw.ask({ port = port, tls = tls },
          "GET /big.txt HTTP/1.1\r\n" .. HOST .. LAST .. "\r\n")
        local head, body = answer:match "^(HTTP/1.1 200 .-\r\n)\r\n(.*)$"
        assert.matches("\r\nConnection: close\r\n", head, 1, true)
        assert.is_true(body == text)
      end
    end)
  end
end)

describe("A page of another origin", function()
  local PAGE = "https://app.example"

  local function reader(server, path, origin)
    local code, _, head = http.get(server.port, path, "Origin: " .. origin)
    return head:match "access%-control%-allow%-origin: ([^\r]*)", code
  end

  it("may read the client if `origins` allows it", function()
    local server = t.server { options = { origins = PAGE } }
    for _, path in ipairs { "/perigee.js", "/perigee.global.js" } do
      assert.equal(PAGE, (reader(server, path, PAGE)))
      assert.is_nil((reader(server, path, "https://evil.example")))
    end
    assert.is_nil((reader(server, "/healthz", PAGE)))
  end)

  it("may not if `origins` is empty", function()
    local server = t.server {}
    assert.is_nil((reader(server, "/perigee.js", "http://localhost")))
  end)

  it("is refused with the host that was compared, and what to do", function()
    local server = t.server {}
    finally(function() server:stop() end)
    assert.equal(403, (http.exchange(server.port, { "GET /ws HTTP/1.1",
      "Host: backend:8080", "Origin: " .. PAGE, http.upgrade() })))
    server:wait_log("upgrade refused status=403 [^\n]*origin=" .. PAGE
      .. " host=backend:8080 [^\n]*a proxy must pass the Host")
  end)

  it("gets a token in development mode", function()
    local server = t.server { mode = "dev", options = { origins = PAGE } }
    local allowed, code = reader(server, "/dev/token?user=anna", PAGE)
    assert.equal(PAGE, allowed)
    assert.equal(200, code)
  end)
end)

describe("Those who take large files slowly", function()
  it("hold no place of another address", function()
    local public = cli.folder { ["small.html"] = "small" }
    finally(cli.cleanup)
    assert(os.execute("truncate -s 4M " .. public .. "/large.html"))
    local server = t.server { options = {
      public = public, ["limits.per_ip"] = 300,
    } }
    local slow = {}
    for i = 1, 260 do -- more than are answered at once
      slow[i] = raw.connect(server, "127.0.0.2")
      assert(slow[i]:write("GET /large.html HTTP/1.1\r\n" .. HOST .. "\r\n"))
    end
    local other = raw.connect(server, "127.0.0.3")
    assert(other:write("GET /small.html HTTP/1.1\r\n" .. HOST .. "\r\n"))
    assert.matches("^HTTP/1.1 200 ", other:read "*l")
    for _, peer in ipairs(slow) do
      peer:close()
    end
  end)
end)
