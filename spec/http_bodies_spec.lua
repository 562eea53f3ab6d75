-- SPDX-License-Identifier: MIT
-- What handlers of plain HTTP get for a body, however it comes; connections
-- that stay; and how what is wrong is refused.
local peers = require "spec.support.peer"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    ["@http POST /length"] = function(request) return #request.body end,
    ["@http PUT /echo"] = function(request) return request.body end,
    ["@http GET /hi"] = function() return "hi" end,
    ["@http GET /wait"] = function() perigee.sleep(0.1) return "waited" end,
    ["@http GET /large"] = function(request)
      return ("x"):rep(1024):rep(request.query.kib // 1)
    end,
  }
]]

local HI = "GET /hi HTTP/1.1\r\nHost: x\r\n\r\n"
local BEGIN = "PUT /echo HTTP/1.1\r\nHost: x\r\n"

describe("The body of a request to a handler", function()
  local server, peer

  lazy_setup(function()
    server = t.server { scripts = { ["main.lua"] = SCRIPT },
      options = { ["http.body_bytes"] = "64KiB", ["limits.handshake_timeout_s"] = 0.6 } }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() peer = peers.connect(server.port) end)

  after_each(function() peer:close() end)

  local function expect(status, body)
    local got, text, head = peer:read()
    assert.equal(status, got, text and tostring(text.detail))
    if type(body) == "string" then
      assert.equal(body, text)
    end
    return text, head
  end

  local function chunked(text, size, extension)
    local parts = {}
    for i = 1, #text, size do
      local part = text:sub(i, i + size - 1)
      parts[#parts + 1] = ("%x%s\r\n%s\r\n"):format(#part, extension or "", part)
    end
    return BEGIN .. "Transfer-Encoding: chunked\r\n\r\n" .. table.concat(parts) .. "0\r\n\r\n"
  end

  it("is whole, with requests behind it", function()
    peer:write(BEGIN .. "Content-Length: 5\r\n\r\nfirst" .. HI
      .. BEGIN .. "Content-Length: 0\r\n\r\n" .. chunked("in chunks", 4, ";a=b") .. HI)
    expect(200, "first")
    expect(200, "hi")
    expect(200)
    expect(200, "in chunks")
    expect(200, "hi")
    assert.equal(200, (select(1, peer:write(HI) and peer:read())))
  end)

  it("may come in pieces of any size", function()
    local text = chunked(("some text, "):rep(20), 7) .. HI
    for i = 1, #text, 3 do
      peer:write(text:sub(i, i + 2))
      peer.conn:flush()
    end
    expect(200, ("some text, "):rep(20))
    expect(200, "hi")
  end)

  it("may be as large as it may be, and no larger", function()
    local text = ("x"):rep(64 * 1024)
    peer:write(BEGIN .. "Content-Length: 65536\r\n\r\n" .. text)
    expect(200, text)
    peer:write(chunked(text, 1000))
    expect(200, text)
    peer:write(BEGIN .. "Content-Length: 65537\r\n\r\n")
    assert.equal("TOO_LARGE", expect(413).code)
    assert.is_true(peer:is_over())
    peer:close()
    peer = peers.connect(server.port)
    peer:write(BEGIN .. "Content-Length: 99999999999999999999999\r\n\r\n")
    expect(413)
    peer:close()
    peer = peers.connect(server.port)
    peer:write(chunked(text .. "x", 4096))
    expect(413)
    assert.is_true(peer:is_over())
  end)

  it("is refused when it is none, and nothing behind it is read", function()
    for _, bytes in ipairs {
      "Transfer-Encoding: chunked\r\n\r\nx\r\n",
      "Transfer-Encoding: chunked\r\n\r\n5\r\nhello5\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "Content-Length: 5, 5\r\n\r\n",
      "Content-Length: -1\r\n\r\n", "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n0\r\nno end\n\r\n",
    } do
      peer:close()
      peer = peers.connect(server.port)
      peer:write(BEGIN .. bytes .. HI)
      local status = peer:read()
      assert.equal(400, status, bytes)
      assert.is_true(peer:is_over())
    end
    peer:close()
    peer = peers.connect(server.port)
    peer:write(BEGIN .. "Transfer-Encoding: gzip\r\n\r\n" .. HI)
    expect(501)
  end)

  it("has to come in time", function()
    peer:write(BEGIN .. "Content-Length: 5\r\n\r\nfou")
    local problem, head = expect(408)
    assert.matches("did not come in time", problem.detail, 1, true)
    assert.matches("Connection: close", head, 1, true)
    assert.is_true(peer:is_over())
  end)

  it("is asked for when the client waits to be", function()
    peer:write(BEGIN .. "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    assert.equal(100, (peer:read()))
    peer:write "text"
    expect(200, "text")
    peer:write(BEGIN .. "Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n")
    expect(413)
  end)

  it("need not be read for the next request, if there is none", function()
    for _ = 1, 98 do
      peer:write(HI)
      expect(200, "hi")
    end
    peer:write(HI)
    expect(200, "hi")
    peer:write(HI)
    local _, head = expect(200, "hi")
    assert.matches("Connection: close", head, 1, true) -- DOOR_REQUESTS_MAX
    assert.is_true(peer:is_over())
  end)

  it("ends the connection when the client wants that", function()
    peer:write("GET /hi HTTP/1.0\r\n\r\n")
    local _, head = expect(200, "hi")
    assert.matches("Connection: close", head, 1, true)
    assert.is_true(peer:is_over())
    peer:close()
    peer = peers.connect(server.port)
    peer:write "GET /wait HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    expect(200, "waited")
    assert.is_true(peer:is_over())
    peer:close()
    peer = peers.connect(server.port)
    peer:write "PUT /echo HTTP/1.0\r\nContent-Length: 3\r\n\r\nold"
    expect(200, "old")
  end)

  it("keeps the order of a pipeline, also while handlers wait", function()
    peer:write(("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n" .. HI):rep(3)
      .. "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ = 1, 3 do
      expect(200, "waited")
      expect(200, "hi")
    end
    expect(404)
  end)

  it("may be for nobody", function()
    peer:write("POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" .. HI)
    expect(405)
    assert.is_true(peer:is_over())
  end)

  it("does not bring answers that nobody takes into memory for long", function()
    for _ = 1, 20 do
      local reader = peers.connect(server.port)
      reader:write "GET /large?kib=4000 HTTP/1.1\r\nHost: x\r\n\r\n"
      reader.conn:flush()
      reader:close()
    end
    peer:write "GET /large?kib=4000 HTTP/1.1\r\nHost: x\r\n\r\n"
    local body = expect(200)
    assert.equal(4000 * 1024, #body)
  end)
end)
