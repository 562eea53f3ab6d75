-- SPDX-License-Identifier: MIT
-- What a request is answered, by RFC 9112 and RFC 6455, 4.2.1: on the port of
-- the clients, over TLS, and on the admin address.
local certificate = require "spec.support.certificate"
local raw = require "spec.support.raw"
local t = require "perigee.testing"

-- The status of the one answer. Each is HTTP/1.1, says how long it is and that
-- it is the last; and a refusal has a line of words.
local function status(door, bytes)
  local answer = raw.ask(door, bytes)
  local head, body = answer:match "^(HTTP/1.1 .-\r\n)\r\n(.*)$"
  assert(head, "an answer, not " .. answer:sub(1, 60))
  assert.is_nil(body:find "HTTP/1%.%d %d%d%d ")
  local code = tonumber(head:match "^HTTP/1.1 (%d+) ")
  local length = head:lower():match "\r\ncontent%-length: (%d+)\r\n"
  assert.equal(#body, tonumber(length))
  assert.matches("\r\nConnection: close\r\n", head, 1, true)
  if code >= 400 then
    assert.matches("^%C+\n$", body)
  end
  return code, head, body
end

local HOST = "Host: localhost\r\n"
local LAST = "Connection: close\r\n"

local function request(...)
  return table.concat { "GET /healthz HTTP/1.1\r\n", ... } .. "\r\n"
end

-- What has one answer wherever it is asked.
local heads = {
  [200] = {
    request(HOST, LAST),
    "\r\n" .. request(HOST, LAST), -- RFC 9112, 2.2
    "GET /healthz HTTP/1.0\r\n\r\n",
    "GET http://localhost/healthz HTTP/1.1\r\nHost: else\r\n" .. LAST .. "\r\n",
    request(HOST, LAST, "Upgrade: h2c\r\n"),
    request(HOST, "Connection: Upgrade, close\r\nUpgrade: foo\r\n"),
    request(HOST, LAST, "X:\t \128 \255\t\r\n"),
    -- A body is dropped, whether it comes or not, and ends the connection.
    request(HOST, "Content-Length: 1\r\n"),
    request(HOST, "Content-Length: 5\r\n") .. "12345",
    request(HOST, "Transfer-Encoding: chunked\r\n") .. "1\r\na\r\n0\r\n\r\n",
    -- So does what comes behind a request.
    request(HOST) .. request(HOST),
    request(HOST) .. "CONNECT x HTTP/1.1\r\n" .. HOST .. "\r\n",
  },
  [400] = {
    request(), request(HOST, HOST), request "Host: a b\r\n",
    request "Host: else/where\r\n",
    "GET /healthz ICE/1.0\r\n" .. HOST .. "\r\n",
    "GET healthz HTTP/1.1\r\n" .. HOST .. "\r\n",
    "GET /% HTTP/1.1\r\n" .. HOST .. "\r\n",
    "GET /healthz?x=%0 HTTP/1.1\r\n" .. HOST .. "\r\n",
    "GET /%00 HTTP/1.1\r\n" .. HOST .. "\r\n",
    "GET /a#b HTTP/1.1\r\n" .. HOST .. "\r\n",
    "GET  /healthz HTTP/1.1\r\n" .. HOST .. "\r\n",
    "GET /healthz\r\n\r\n", "\0\0\0\0", "\22\3\1\2\0\1\0\1\252\3\3",
    "GET /healthz HTTP/1.1\nHost: localhost\n\n",
    request(HOST, "X: 1\rY: 2\r\n"), request(HOST, "X : 1\r\n"),
    request(HOST, "X: 1\r\n 2\r\n"), request(HOST, "X\1: 1\r\n"),
    request(HOST, "X: \0\r\n"), request(HOST, "X\r\n"),
    request(" X: 1\r\n", HOST),
    request(HOST, "Content-Length: -1\r\n"),
    request(HOST, "Content-Length: 1\r\nContent-Length: 1\r\n"),
    request(HOST, "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
    request(HOST, "Origin: a\r\nOrigin: a\r\n"),
    "PROXY TCP4 203.0.113.7 127.0.0.1 5000 80\r\n" .. request(HOST),
    "X-Forwarded-For: 203.0.113.9\r\n" .. request(HOST),
  },
  [405] = {
    "CONNECT a:443 HTTP/1.1\r\n" .. HOST .. "\r\n",
    "OPTIONS * HTTP/1.1\r\n" .. HOST .. "\r\n",
    "PUT /healthz HTTP/1.1\r\n" .. HOST .. "Content-Length: 3\r\n\r\nabc",
    "POST /healthz HTTP/1.1\r\n" .. HOST .. "Content-Length: 3\r\n\r\n",
    "DELETE /healthz HTTP/1.1\r\n" .. HOST .. "\r\n",
    "FOO /healthz HTTP/1.1\r\n" .. HOST .. "\r\n",
  },
  [414] = { "GET /" .. ("a"):rep(30000) .. " HTTP/1.1\r\n" .. HOST .. "\r\n" },
  [431] = {
    request(HOST, "X: " .. ("a"):rep(30000) .. "\r\n"),
    request(HOST, ("X: 1\r\n"):rep(100)),
  },
  [501] = { request(HOST, "Transfer-Encoding: gzip, chunked\r\n") },
  [505] = { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
}

local function has_one_answer_to_all(door)
  for code, list in pairs(heads) do
    for _, head in ipairs(list) do
      assert.equal(code, (status(door, head)), head:sub(1, 200))
    end
  end
  assert.matches("\r\nAllow: ", select(2, status(door, heads[405][1])))
end

local KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
local VERSION = "Sec-WebSocket-Version: 13\r\n"
local UPGRADE, CONNECTION = "Upgrade: websocket\r\n", "Connection: Upgrade\r\n"

local function handshake(...)
  return table.concat { "GET /ws HTTP/1.1\r\n", HOST, ... } .. "\r\n"
end

local handshakes = {
  [400] = {
    handshake(UPGRADE, CONNECTION, VERSION),
    handshake(UPGRADE, CONNECTION, VERSION, KEY, KEY),
    handshake(UPGRADE, CONNECTION, VERSION, VERSION, KEY),
    handshake(UPGRADE, CONNECTION, VERSION, "Sec-WebSocket-Key:\r\n"),
    handshake(UPGRADE, CONNECTION, VERSION, "Sec-WebSocket-Key: abc\r\n"),
    handshake(UPGRADE, CONNECTION, VERSION,
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBu\r\n"),
    handshake(UPGRADE, CONNECTION, VERSION,
      "Sec-WebSocket-Key: <GhlIHNhbXBsZSBub25jZQ==\r\n"),
    handshake(UPGRADE, VERSION, KEY),
    handshake(UPGRADE, LAST, VERSION, KEY),
    handshake(UPGRADE, CONNECTION, VERSION, KEY, "Content-Length: 3\r\n"),
    handshake(UPGRADE, CONNECTION, VERSION, KEY,
      "Sec-WebSocket-Protocol: chat\r\n"),
    (handshake(UPGRADE, CONNECTION, VERSION, KEY):gsub("/1.1", "/1.0", 1)),
  },
  [404] = {
    (handshake(UPGRADE, CONNECTION, VERSION, KEY):gsub("/ws", "/healthz", 1)),
  },
  [405] = {
    (handshake(UPGRADE, CONNECTION, VERSION, KEY):gsub("GET", "POST", 1)),
    (handshake(UPGRADE, CONNECTION, VERSION, KEY):gsub("GET", "HEAD", 1)),
  },
  [426] = {
    handshake(), handshake("Upgrade: h2c\r\n", CONNECTION, VERSION, KEY),
    handshake(UPGRADE, CONNECTION, KEY),
    handshake(UPGRADE, CONNECTION, KEY, "Sec-WebSocket-Version: 8\r\n"),
  },
}

local function has_one_answer_to_handshakes(door)
  for code, list in pairs(handshakes) do
    for _, head in ipairs(list) do
      if not head:find "^HEAD" then
        assert.equal(code, (status(door, head)), head:sub(1, 200))
      end
    end
  end
  local _, head = status(door, handshakes[426][3])
  assert.matches("\r\nSec-WebSocket-Version: 13\r\n", head, 1, true)
end

describe("A request", function()
  local server, door, admin

  lazy_setup(function()
    server = t.server {}
    door = { port = server.port }
    admin = { port = server.admin:match "%d+$" }
  end)
  lazy_teardown(function() server:stop() end)

  it("has one answer on the port of the clients", function()
    has_one_answer_to_all(door)
    has_one_answer_to_handshakes(door)
  end)

  it("has one answer on the admin address", function()
    has_one_answer_to_all(admin)
  end)

  it("is answered before the next, if that waits", function()
    for _, place in ipairs { door, admin } do
      local peer = raw.connect(place)
      for _ = 1, 3 do
        assert(peer:write(request(HOST)))
        assert.matches("^HTTP/1.1 200", peer:read "*L")
        repeat until peer:read "*L" == "\r\n"
        assert.equal("ok\n", peer:read(3))
      end
      assert(peer:write("DELETE / HTTP/1.1\r\n" .. HOST .. "\r\n"))
      assert.matches("^HTTP/1.1 405 ", raw.read_to_end(peer))
    end
  end)

  it("for a tunnel, behind another one, is the end", function()
    local peer = raw.connect(door)
    assert(peer:write(request(HOST)))
    repeat until peer:read "*L" == "\r\n"
    assert.equal("ok\n", peer:read(3))
    assert(peer:write("CONNECT x HTTP/1.1\r\n" .. HOST .. "\r\n"))
    assert.equal("", raw.read_to_end(peer))
    server:wait_log "CONNECT behind another request"
  end)

  it("may come a byte at a time", function()
    local peer = raw.connect(door)
    for byte in request(HOST, LAST):gmatch "." do
      assert(peer:write(byte))
      peer:flush()
    end
    assert.matches("^HTTP/1.1 200", raw.read_to_end(peer))
  end)

  it("that is refused is logged with its reason, once in a while", function()
    for _ = 1, 3 do
      status(door, handshake(UPGRADE, LAST, VERSION, KEY))
    end
    server:wait_log("upgrade refused status=400 [^\n]*path=/ws "
      .. "[^\n]*`Connection: Upgrade` is missing")
    local _, lines = server:log():gsub("Upgrade` is missing", "")
    assert.equal(1, lines)
  end)
end)

describe("A request over TLS", function()
  local server, dir, door

  lazy_setup(function()
    dir = io.popen("mktemp -d"):read "l"
    local cert, key = certificate(dir)
    server = t.server {
      no_wait = true,
      options = { ["tls.cert"] = cert, ["tls.key"] = key },
    }
    server.port = server:wait_log "ready on https://127%.0%.0%.1:(%d+)"
    door = { port = server.port, tls = true }
  end)
  lazy_teardown(function()
    server:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  it("has one answer", function()
    has_one_answer_to_all(door)
    has_one_answer_to_handshakes(door)
  end)

  it("is not begun when too many come", function()
    local few = t.server { no_wait = true, options = {
      ["tls.cert"] = dir .. "/cert.pem", ["tls.key"] = dir .. "/key.pem",
      ["limits.handshakes_per_ip"] = 1,
    } }
    few.port = few:wait_log "ready on https://127%.0%.0%.1:(%d+)"
    local peers = {}
    for i = 1, 20 do
      peers[i] = raw.connect(few)
    end
    assert.equal("\x15\3\3\0\2\2\x50", (peers[20]:read(7)))
    for _, peer in ipairs(peers) do
      peer:close()
    end
    few:wait_log "status=503 [^\n]*too many TLS handshakes"
  end)

  it("that is none says what is spoken there", function()
    local code, _, body = status({ port = server.port }, request(HOST))
    assert.equal(400, code)
    assert.matches("https://", body, 1, true)
  end)

  it("may have frames in the same record", function()
    local peer = raw.connect(server)
    raw.secure(peer)
    peer:write(raw.handshake .. raw.frame('{"type":"ping"}'):rep(20))
    repeat until peer:read "*L" == "\r\n"
    for _ = 1, 20 do
      assert.equal('\x81\x0f{"type":"pong"}', peer:read(17))
    end
    peer:close()
  end)
end)
