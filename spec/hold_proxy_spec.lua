-- SPDX-License-Identifier: MIT
local cli = require "spec.support.cli"
local http = require "spec.support.http"
local socket = require "cqueues.socket"
local t = require "perigee.testing"

local scripts = {
  ["main.lua"] = "return { ip = function(client) return client.ip end }",
}

local function serve(options)
  return t.server { scripts = scripts, options = options }
end

local function ip(server, forwarded)
  local client = server:connect { user = "alice",
    headers = { ["x-forwarded-for"] = forwarded } }
  return client:request "ip"
end

describe("The address of a client", function()
  it("is that of its socket, whatever it claims", function()
    local server = serve {}
    assert.equal("127.0.0.1", ip(server, nil))
    assert.equal("127.0.0.1", ip(server, "203.0.113.1"))
  end)

  it("is not what one claims who is no trusted proxy", function()
    local server = serve { ["proxy.trusted"] = "10.0.0.0/8,::1" }
    assert.equal("127.0.0.1", ip(server, "203.0.113.1"))
  end)

  it("is what a trusted proxy says, and not what stands before", function()
    local server = serve { ["proxy.trusted"] = "10.0.0.0/8, 127.0.0.1" }
    assert.equal("203.0.113.1", ip(server, "203.0.113.1"))
    assert.equal("203.0.113.1", ip(server, "1.1.1.1, 203.0.113.1"))
    assert.equal("203.0.113.1", ip(server, "1.1.1.1, 203.0.113.1, 10.0.0.9"))
    assert.equal("2001:db8::1", ip(server, "[2001:DB8::1]:4711"))
    assert.equal("127.0.0.1", ip(server, "1.1.1.1, unknown"))
    assert.equal("127.0.0.1", ip(server, nil))
  end)

  it("is in the last of several headers", function()
    local server = serve { ["proxy.trusted"] = "127.0.0.1" }
    local peer = socket.connect("127.0.0.1", tonumber(server.port))
    peer:setmode("bn", "bn")
    peer:write("GET /ws HTTP/1.1\r\nHost: x\r\n",
      "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 203.0.113.7\r\n",
      table.concat({ http.upgrade() }, "\r\n"), "\r\n\r\n")
    assert.matches("101", peer:read "*l")
    -- A refused token is logged with the address.
    local text = '{"type":"auth"}'
    peer:write(string.char(0x81, 0x80 + #text), "\0\0\0\0", text)
    assert.equal("203.0.113.7",
      server:wait_log "ip=([%d.]+) auth refused")
    peer:close()
  end)

  it("is what limits count", function()
    local server = serve { ["proxy.trusted"] = "127.0.0.1",
      ["limits.per_ip"] = 2 }
    local function connect(address)
      return server:connect { auth = false,
        headers = { ["x-forwarded-for"] = address } }
    end
    local first = connect "203.0.113.1"
    connect "203.0.113.1"
    connect("203.0.113.1"):expect_close(4007)
    connect("1.1.1.1, 203.0.113.1"):expect_close(4007)
    local other = connect "203.0.113.2"
    -- Nor do the proxy's own sockets count together.
    local silent = {}
    for i = 1, 5 do
      silent[i] = socket.connect("127.0.0.1", tonumber(server.port))
      silent[i]:connect()
    end
    connect("203.0.113.2"):expect_nothing()
    first:expect_nothing()
    other:expect_nothing()
    for _, peer in ipairs(silent) do
      peer:close()
    end
  end)

  for _, workers in ipairs { 1, 2 } do
    it(("counts with its whole /64, if it is IPv6; workers: %d")
      :format(workers), function()
      local server = serve { ["proxy.trusted"] = "127.0.0.1",
        ["limits.per_ip"] = 2, workers = workers }
      local function connect(address, user)
        return server:connect { auth = user ~= nil, user = user,
          headers = { ["x-forwarded-for"] = address } }
      end
      assert.equal("2001:db8:0:1::5", ip(server, "2001:db8:0:1::5"))
      -- A worker counts one after it has answered the handshake: but before
      -- `auth_ok`.
      local second = connect("2001:db8:0:1:ffff::", "bob")
      connect("2001:db8:0:1::6"):expect_close(4007)
      connect("2001:db8:0:2::5"):expect_nothing() -- another network
      second:close()
      t.wait_until(function()
        return pcall(ip, server, "2001:db8:0:1::7")
      end)
    end)
  end
end)

describe("A server with something else in proxy.trusted", function()
  after_each(cli.cleanup)

  it("does not start, and names it", function()
    local status, _, problem = cli.run { "serve", cli.folder(scripts),
      "--listen=127.0.0.1:0", "--proxy.trusted=10.0.0.0/8,10.0.0.0/33",
      "--auth.secret=an example secret of more than 32 bytes" }
    assert.is_true(status == 1 or status == 2)
    assert.matches("proxy.trusted: `10.0.0.0/33`", problem, 1, true)
  end)
end)
