-- SPDX-License-Identifier: MIT
-- The HTTP of the API: connections that stay, pipelines, chunks, lengths,
-- repeats, and what else is asked at the same address.
local admin = require "spec.support.admin"
local api = require "spec.support.api"
local t = require "perigee.testing"

local AUTH = "Authorization: Bearer " .. api.KEY .. "\r\n"
local BEGIN = "POST /api/v1/send HTTP/1.1\r\nHost: x\r\n" .. AUTH
local BODY = '{"user":"alice","message":{"type":"news"}}'

describe("The HTTP of the API", function()
  local server, alice

  lazy_setup(function()
    server = t.server { options = api.options { ["api.listen"] = "127.0.0.1:0" } }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect "alice" end)

  local function chunked(text, size)
    local parts = {}
    for i = 1, #text, size do
      local part = text:sub(i, i + size - 1)
      parts[#parts + 1] = ("%x\r\n%s\r\n"):format(#part, part)
    end
    return table.concat(parts) .. "0\r\n\r\n"
  end

  it("keeps connections for as many requests as come", function()
    local peer = api.connect(server)
    for _ = 1, 250 do
      peer:write(api.request("POST", "/api/v1/send", BODY))
      local status, answer = peer:read()
      assert.equal(200, status)
      assert.equal(1, answer.receivers)
      alice:expect "news"
    end
    peer:write(api.request("POST", "/api/v1/send", BODY, { AUTH:sub(1, -3), "Connection: close" }))
    assert.equal(200, (peer:read()))
    assert.is_nil(peer:read())
    alice:expect "news"
    peer:close()
  end)

  it("goes on behind a refusal whose request was whole", function()
    local peer = api.connect(server)
    peer:write(api.request("POST", "/api/v1/send", "{}"))
    assert.equal(400, (peer:read()))
    peer:write(api.request("GET", "/api/v1/none"))
    assert.equal(404, (peer:read()))
    peer:write(api.request("POST", "/api/v1/send", BODY))
    assert.equal(200, (peer:read()))
    alice:expect "news"
    peer:close()
  end)

  it("takes chunks of any size, with requests behind them", function()
    for size = 1, 60, 7 do
      local peer = api.connect(server)
      peer:write((BEGIN .. "Transfer-Encoding: chunked\r\n\r\n" .. chunked(BODY, size)):rep(3))
      for _ = 1, 3 do
        assert.equal(200, (peer:read()))
        alice:expect "news"
      end
      peer:close()
    end
  end)

  it("takes a request in pieces of a byte", function()
    local peer = api.connect(server)
    for byte in api.request("POST", "/api/v1/send", BODY):gmatch "." do
      peer:write(byte)
      peer.conn:flush()
    end
    assert.equal(200, (peer:read()))
    alice:expect "news"
    peer:close()
  end)

  it("refuses lengths and chunks that are none, and does nothing", function()
    for _, rest in ipairs {
      "Content-Length: x\r\n\r\n", "Content-Length: -1\r\n\r\n",
      "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "Transfer-Encoding: gzip\r\n\r\n",
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n" .. "zz\r\n",
      "Transfer-Encoding: chunked\r\n\r\n" .. "2a\r\n" .. BODY .. "X",
    } do
      local peer = api.connect(server)
      peer:write(BEGIN .. rest)
      local status, problem, head = peer:read()
      assert(status == 400 or status == 501, rest)
      assert.is_string(problem.code)
      assert.matches("Connection: close", head, 1, true)
      assert.is_nil(peer:read())
      peer:close()
    end
    alice:expect_nothing()
  end)

  it("does nothing when less comes than was announced", function()
    local peer = api.connect(server)
    peer:write(BEGIN .. "Content-Length: " .. #BODY + 1 .. "\r\n\r\n" .. BODY)
    peer.conn:shutdown "w"
    assert.is_nil(peer:read())
    peer:close()
    alice:expect_nothing()
  end)

  it("takes what comes behind the length for another request", function()
    local peer = api.connect(server)
    peer:write(BEGIN .. "Content-Length: " .. #BODY .. "\r\n\r\n" .. BODY .. "}}}}\r\n\r\n")
    assert.equal(200, (peer:read()))
    assert.equal(400, (peer:read()))
    assert.is_nil(peer:read())
    alice:expect "news"
    peer:close()
  end)

  it("tells a client that asks to go on", function()
    local peer = api.connect(server)
    peer:write(BEGIN .. "Expect: 100-continue\r\nContent-Length: " .. #BODY .. "\r\n\r\n")
    assert.equal("HTTP/1.1 100 Continue\r\n", peer.conn:read "*L")
    assert.equal("\r\n", peer.conn:read "*L")
    peer:write(BODY)
    assert.equal(200, (peer:read()))
    alice:expect "news"
    peer:close()
  end)

  it("answers a client that has closed its side", function()
    local peer = api.connect(server)
    peer:write(api.request("POST", "/api/v1/send", BODY))
    peer.conn:shutdown "w"
    assert.equal(200, (peer:read()))
    alice:expect "news"
    peer:close()
  end)

  it("speaks HTTP/1.0 as well", function()
    local peer = api.connect(server)
    peer:write("POST /api/v1/send HTTP/1.0\r\n" .. AUTH .. "Content-Length: " .. #BODY
      .. "\r\n\r\n" .. BODY)
    assert.equal(200, (peer:read()))
    assert.is_nil(peer:read())
    alice:expect "news"
    peer:close()
  end)

  it("repeats an answer for the same Idempotency-Key, and does it once", function()
    local headers = { AUTH:sub(1, -3), "Idempotency-Key: once" }
    local request = api.request("POST", "/api/v1/send", BODY, headers)
    local first = api.connect(server)
    first:write(request:rep(5)) -- at once, and then from elsewhere
    for i = 1, 5 do
      local status, answer, head = first:read()
      assert.equal(200, status)
      assert.equal(1, answer.receivers)
      assert.equal(i > 1, head:find("Idempotent-Replayed: true", 1, true) ~= nil)
    end
    first:close()
    assert.equal(200, (api.ask(server, "POST", "/api/v1/send", BODY, headers)))
    alice:expect "news"
    alice:expect_nothing()
    -- It is the key's own: another key says something else with it.
    assert.equal(200, (api.ask(server, "POST", "/api/v1/send", BODY,
      { "Authorization: Bearer " .. api.SENDER, "Idempotency-Key: once" })))
    alice:expect "news"
  end)

  it("repeats a refusal, too", function()
    local headers = { AUTH:sub(1, -3), "Idempotency-Key: refused" }
    local _, first = api.ask(server, "POST", "/api/v1/send", "{}", headers)
    local status, again = api.ask(server, "POST", "/api/v1/send", "{}", headers)
    assert.equal(400, status)
    assert.same(first, again)
  end)

  it("is at the admin address with all that was there before", function()
    local peer = api.connect(server)
    for _ = 1, 3 do
      peer:write(api.request("POST", "/api/v1/send", BODY))
      assert.equal(200, (peer:read()))
      alice:expect "news"
      peer:write(api.request("GET", "/healthz", nil, {}))
      local status, body = peer:read()
      assert.equal(200, status)
      assert.equal("ok\n", body)
      peer:write(api.request("GET", "/stats", nil, {}))
      assert.equal(200, (peer:read()))
    end
    peer:close()
    assert.equal(403, (admin.get(server, "/metrics", "Origin: https://evil.example")))
    assert.equal(404, (admin.get(server, "/nothing")))
    assert.is_true(admin.reload(server).ok)
  end)

  it("has an address of its own, where nothing else is", function()
    local own = { admin = server:log():match "api=(%S+)" }
    assert.equal(200, (api.call(own, "send", { all = true, message = { type = "x" } })))
    assert.equal(401, (api.ask(own, "GET", "/metrics", nil, {})))
    assert.equal(404, (api.ask(own, "GET", "/metrics")))
    alice:expect "x"
  end)

  it("answers in order what comes for both in one packet", function()
    local peer = api.connect(server)
    peer:write(api.request("GET", "/api/v1/rooms", nil, { AUTH:sub(1, -3) })
      .. "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    local status, answer = peer:read()
    assert.equal(200, status)
    assert.is_table(answer.rooms)
    assert.equal(200, (peer:read()))
    peer:close()
  end)

  it("hangs up on those who have no key", function()
    local peer = api.connect(server)
    peer:write "GET /api/v1/rooms HTTP/1.1\r\nHost: x\r\n\r\n"
    local status, _, head = peer:read()
    assert.equal(401, status)
    assert.matches("Connection: close", head, 1, true)
    peer:close()
  end)

  it("takes other keys with a reload", function()
    local config = os.tmpname()
    local function write(key)
      local file <close> = assert(io.open(config, "w"))
      file:write(('api.keys = { shop = { key = %q, allow = "send" } }'):format(key))
    end
    write(api.KEY)
    local other = t.server { options = { config = config } }
    local headers = { "Authorization: Bearer " .. api.SENDER }
    local args = { all = true, message = { type = "x" } }
    assert.equal(200, (api.call(other, "send", args)))
    assert.equal(401, (api.call(other, "send", args, headers)))
    write(api.SENDER)
    other:reload()
    t.wait_until(function() return api.call(other, "send", args, headers) == 200 end)
    assert.equal(401, (api.call(other, "send", args)))
    other:stop()
    os.remove(config)
  end)
end)
