-- SPDX-License-Identifier: MIT
-- What happens to those who connect too often, or connect and say nothing.
local frames = require "spec.support.frames"
local http = require "spec.support.http"
local socket = require "cqueues.socket"
local t = require "perigee.testing"

local function open(server, bytes)
  local peer = assert(socket.connect("127.0.0.1", tonumber(server.port)))
  peer:settimeout(t.timeout)
  peer:setmode("bn", "bn")
  assert(peer:connect(t.timeout))
  if bytes then
    assert(peer:write(bytes))
  end
  return peer
end

-- Reads up to the end that the server makes.
local function read_to_end(peer)
  local bytes, why = peer:read "*a"
  assert.is_nil(why)
  peer:close()
  return bytes or ""
end

-- RFC 6455, 4.1, wants clients to wait for the answer. Not all of them do.
describe("What comes together with the request", function()
  local server

  lazy_setup(function()
    server = t.server { options = { ["heartbeat.interval_s"] = 3600 } }
  end)
  lazy_teardown(function() server:stop() end)

  local request = table.concat({ "GET /ws HTTP/1.1", "Host: localhost" }, "\r\n")
    .. "\r\n" .. table.concat({ http.upgrade() }, "\r\n") .. "\r\n\r\n"
  local ping = frames.text '{"type":"ping"}'
  local pong = '\x81\x0f{"type":"pong"}'

  local function answers(peer, count)
    repeat local line = assert(peer:read "*L") until line == "\r\n"
    for _ = 1, count do
      assert.equal(pong, peer:read(#pong))
    end
    peer:close()
  end

  it("is read as frames", function()
    answers(open(server, request .. ping:rep(90)), 90)
  end)

  it("is read if it is a part of one, wherever it is cut", function()
    local all = request .. ping .. ping
    for cut = #request - 4, #all - 1 do
      local peer = open(server, all:sub(1, cut))
      if cut < #request then
        peer:write(all:sub(cut + 1))
        answers(peer, 2)
      else -- in the answer is nothing of the frames yet, perhaps
        repeat local line = assert(peer:read "*L") until line == "\r\n"
        peer:write(all:sub(cut + 1))
        assert.equal(pong .. pong, peer:read(2 * #pong))
        peer:close()
      end
    end
  end)
end)

-- As browsers send them that have been to many pages of one host.
describe("The headers of a handshake", function()
  local server

  lazy_setup(function()
    server = t.server { options = { ["heartbeat.interval_s"] = 3600 } }
  end)
  lazy_teardown(function() server:stop() end)

  local function answer(bytes)
    local cookie = ("c=%s; "):format(("x"):rep(994)):rep(bytes // 999)
    local peer = open(server)
    peer:onerror(function(_, _, why) return why end) -- it may be hung up on
    peer:write(table.concat({ "GET /ws HTTP/1.1", "Host: localhost",
      "Cookie: " .. cookie .. "d=1", "" }, "\r\n")
      .. table.concat({ http.upgrade() }, "\r\n") .. "\r\n\r\n"
      .. frames.text '{"type":"ping"}')
    local line = peer:read "*L"
    if line:find " 101 " then
      repeat until peer:read "*L" == "\r\n"
      assert.equal('\x81\x0f{"type":"pong"}', peer:read(17))
    end
    peer:close()
    return line
  end

  it("may have some 23 KiB", function()
    for bytes = 2000, 23000, 3000 do
      assert.equal("HTTP/1.1 101 Switching Protocols\r\n", answer(bytes))
    end
  end)

  it("but not 24 KiB", function()
    local line = "HTTP/1.1 431 Request Header Fields Too Large\r\n"
    assert.equal(line, answer(25000))
    assert.equal(line, answer(40000))
  end)
end)

describe("Too many handshakes a second", function()
  it("are answered 503, with a time to come back", function()
    local server = t.server {
      options = { ["limits.handshakes_per_s"] = 1,
        ["limits.handshakes_burst"] = 2 },
    }
    local refused, head
    for i = 1, 20 do
      local status, _, text = http.get(server.port, "/ws", http.upgrade())
      assert.is_true(i > 1 or status == 101)
      if status ~= 101 then
        refused, head = status, text
        break
      end
    end
    assert.equal(503, refused)
    assert.is_true(tonumber(head:match "[Rr]etry%-[Aa]fter: (%d+)") >= 1)
    server:wait_log "upgrade refused status=503"
    -- Plain HTTP is not meant, and later it works again.
    assert.equal(200, (http.get(server.port, "/healthz")))
    t.wait_until(function()
      return http.get(server.port, "/ws", http.upgrade()) == 101
    end)
    -- Nobody fills the log with this.
    local _, lines = server:log():gsub("status=503", "")
    assert.equal(1, lines)
  end)

  it("of one address leave room for others", function()
    local server = t.server {
      options = { ["limits.handshakes_per_ip"] = 1 },
    }
    local function status(address)
      local peer = assert(socket.connect { host = "127.0.0.1",
        port = tonumber(server.port), bind = address })
      peer:settimeout(t.timeout)
      peer:setmode("bn", "bn")
      peer:write("GET /ws HTTP/1.1\r\nHost: localhost\r\n",
        table.concat({ http.upgrade() }, "\r\n"), "\r\n\r\n")
      local line = peer:read "*l"
      peer:close()
      return tonumber(line:match "^HTTP/1.1 (%d+)")
    end
    local refused = 0
    for _ = 1, 20 do
      refused = refused + (status "127.0.0.2" == 503 and 1 or 0)
    end
    assert.is_true(refused > 0)
    assert.equal(101, status "127.0.0.3")
  end)

  it("count only if they are handshakes", function()
    local server = t.server {
      options = { ["limits.handshakes_per_s"] = 1,
        ["limits.handshakes_burst"] = 1 },
    }
    for _ = 1, 5 do
      assert.equal(404, (http.get(server.port, "/no", http.upgrade())))
    end
    assert.equal(101, (http.get(server.port, "/ws", http.upgrade())))
  end)
end)

describe("A socket that sends no request in time", function()
  local server, alice

  lazy_setup(function()
    server = t.server { options = { ["limits.handshake_timeout_s"] = 1 } }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect { user = "alice" } end)

  it("is closed if it says nothing", function()
    assert.equal("", read_to_end(open(server)))
    server:wait_log "ip=127%.0%.0%.1 unsaid=0 no request in time"
    alice:expect_nothing() -- a WebSocket has its own deadlines
  end)

  it("is closed if it says a part of it", function()
    local peers = {}
    for i, bytes in ipairs {
      "G", "GET /ws HTTP/1.1\r\n", "GET /ws HTTP/1.1\r\nHost: x\r\n",
    } do
      peers[i] = open(server, bytes)
    end
    for _, peer in ipairs(peers) do
      local answer = read_to_end(peer)
      assert.matches("^HTTP/1.1 408 .*\r\n\r\nno request in time\n$", answer)
    end
    alice:expect_nothing()
  end)

  it("is closed if it trickles", function()
    local peer = open(server, "GET /ws HTTP/1.1\r\nHost: x\r\n")
    peer:onerror(function(_, _, why) return why end)
    local bytes = 0
    t.wait_until(function()
      bytes = bytes + 1
      return not peer:write "x"
    end)
    assert.is_true(bytes < 3000) -- the size is not what ended it
    peer:close()
    alice:expect_nothing()
  end)

  it("is not one that has sent it", function()
    local peer = open(server, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert.matches("200", peer:read "*l")
    repeat until peer:read "*l" == "ok"
    assert.equal("", read_to_end(open(server))) -- which takes its time
    assert(peer:write "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert.matches("200", peer:read "*l")
    peer:close()
  end)
end)

describe("Sockets that are no WebSockets", function()
  it("are limited for each address", function()
    local server = t.server { options = { ["limits.per_ip"] = 3 } }
    local peers = {}
    for i = 1, 3 do
      peers[i] = open(server)
    end
    assert.matches("^HTTP/1.1 429 .*too many sockets",
      read_to_end(open(server)))
    server:wait_log "status=429 ip=127%.0%.0%.1 unsaid=0 too many sockets"
    peers[1]:close()
    t.wait_until(function()
      return pcall(http.get, server.port, "/healthz")
    end)
    for i = 1, 3 do -- those that are WebSockets leave their places
      t.wait_until(function()
        return pcall(server.connect, server, { user = "user" .. i })
      end)
    end
    peers[2]:close()
    peers[3]:close()
  end)
end)
