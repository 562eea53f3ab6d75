-- SPDX-License-Identifier: MIT
-- Handlers of plain HTTP while scripts are loaded, clients go away, the server
-- ends, and too many ask.
local certificate = require "spec.support.certificate"
local cli = require "spec.support.cli"
local peers = require "spec.support.peer"
local t = require "perigee.testing"

local function script(word)
  return ([[
    local perigee = require "perigee"
    local waiting = 0
    return {
      ["@http GET /word"] = function() return "%s" end,
      ["@http PUT /word"] = function(request) return "%s " .. request.body end,
      ["@http GET /wait"] = function(request)
        waiting = waiting + 1
        perigee.log.info("waits %s " .. waiting)
        perigee.sleep(tonumber(request.query.s))
        perigee.log.info("waited %s " .. waiting)
        return "waited %s"
      end,
    }]]):gsub("%%s", word)
end

local GET = "GET %s HTTP/1.1\r\nHost: x\r\n\r\n"

describe("A request to a handler", function()
  local server, peer

  before_each(function()
    server = t.server { scripts = { ["main.lua"] = script "one" }, options = { workers = 1 } }
    peer = peers.connect(server.port)
  end)

  after_each(function()
    peer:close()
    server:stop()
  end)

  it("is answered by the scripts that it came to", function()
    peer:write(GET:format "/wait?s=0.3")
    server:wait_log "waits one 1"
    server:write("main.lua", script "two")
    server:reload()
    assert.equal("two", server:http { path = "/word" }.body)
    assert.equal("waited one", (select(2, peer:read())))
    peer:write(GET:format "/word")
    assert.equal("two", (select(2, peer:read())))
  end)

  it("is answered by those that are live when its body has come", function()
    peer:write "PUT /word HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nte"
    peer.conn:flush()
    server:http { path = "/word" } -- it has been read by then, or is soon
    server:write("main.lua", script "two")
    server:reload()
    peer:write "xt"
    assert.equal("two text", (select(2, peer:read())))
    peer:write "PUT /word HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nte"
    peer.conn:flush()
    t.wait_until(function()
      server:http { path = "/word" }
      return true
    end)
    server:write("main.lua", "return {}")
    server:reload()
    peer:write "xt"
    local status = peer:read() -- 404 behind the body; 405, had the head come late
    assert(status == 404 or status == 405, status)
  end)

  it("ends with the handler, though the client is gone", function()
    for i = 1, 5 do
      local gone = peers.connect(server.port)
      gone:write(GET:format "/wait?s=0.3")
      gone.conn:flush()
      server:wait_log("waits one " .. i)
      gone:close()
    end
    server:wait_log "waited one 5"
    assert.equal("one", server:http { path = "/word" }.body)
  end)

  it("is told when the server ends", function()
    peer:write(GET:format "/wait?s=60")
    server:wait_log "waits one"
    server:signal "TERM"
    local status, problem, head = peer:read()
    assert.equal(503, status)
    assert.equal("UNAVAILABLE", problem.code)
    assert.matches("Connection: close", head, 1, true)
    assert.is_true(peer:is_over())
    assert.equal(0, (server:stop(false)))
  end)

  it("is served while the server drains, and its connection ends", function()
    server:stop()
    server = t.server { scripts = { ["main.lua"] = script "one" },
      options = { ["shutdown.drain_s"] = 60, ["shutdown.notice_s"] = 60 } }
    local alice = server:connect "alice"
    peer:close()
    peer = peers.connect(server.port)
    peer:write(GET:format "/word")
    assert.equal(200, (peer:read()))
    server:signal "TERM"
    server:wait_log "draining begins"
    peer:write(GET:format "/word")
    local status, body, head = peer:read()
    assert.equal(200, status)
    assert.equal("one", body)
    assert.matches("Connection: close", head, 1, true)
    alice:close()
  end)
end)

describe("Requests that wait", function()
  it("leave room for other addresses", function()
    local server = t.server { scripts = { ["main.lua"] = script "one" },
      options = { workers = 1, ["limits.per_ip"] = 1000 } }
    local waiting = {}
    for i = 1, 125 do -- an eighth of a thousand
      waiting[i] = peers.connect(server.port)
      waiting[i]:write(GET:format "/wait?s=60")
      waiting[i].conn:flush()
    end
    server:wait_log "waits one 125"
    local answer = server:http { path = "/word" }
    assert.equal(503, answer.status)
    assert.equal("OVERLOADED", answer.data.code)
    assert.equal("1", answer.headers["retry-after"])
    for _, peer in ipairs(waiting) do
      peer:close()
    end
    assert.equal(200, server:http { path = "/healthz" }.status)
    server:stop()
  end)
end)

describe("Bodies that do not end", function()
  it("leave room for other addresses", function()
    local server = t.server { scripts = { ["main.lua"] = script "one" }, options = { workers = 1,
      ["limits.per_ip"] = 1000, ["script.memory_mb"] = 16, ["http.body_bytes"] = "64KiB" } }
    local waiting = {}
    for i = 1, 20 do -- 512 KiB are an eighth of a quarter of 16 MiB
      waiting[i] = peers.connect(server.port)
      waiting[i]:write("PUT /word HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n"
        .. ("x"):rep(60000))
      waiting[i].conn:flush()
    end
    server:wait_log "status=503 [^\n]*too many bodies are under way"
    assert.equal(200, server:http { path = "/word" }.status)
    assert.equal(503, (waiting[20]:read()))
    waiting[1]:write(("x"):rep(65536 - 60000)) -- those that were first go on
    assert.equal(200, (waiting[1]:read()))
    for _, peer in ipairs(waiting) do
      peer:close()
    end
    server:stop()
  end)
end)

describe("A page of another origin", function()
  local server

  lazy_setup(function()
    server = t.server { scripts = { ["main.lua"] = script "one" },
      options = { origins = "https://a.example,*" } }
  end)

  lazy_teardown(function() server:stop() end)

  local function ask(method, origin, more)
    local headers = { Origin = origin }
    for name, value in pairs(more or {}) do
      headers[name] = value
    end
    return server:http { method = method, path = "/word", headers = headers,
      body = method == "PUT" and "x" or nil }
  end

  it("may read what `origins` allows it to", function()
    local answer = ask("GET", "https://a.example")
    assert.equal("https://a.example", answer.headers["access-control-allow-origin"])
    assert.equal("true", answer.headers["access-control-allow-credentials"])
    assert.matches("Origin", answer.headers.vary, 1, true)
    answer = ask("PUT", "https://b.example")
    assert.equal("one x", answer.body)
    assert.equal("*", answer.headers["access-control-allow-origin"])
    assert.is_nil(answer.headers["access-control-allow-credentials"])
    assert.is_nil(server:http { path = "/word" }.headers["access-control-allow-origin"])
  end)

  it("may ask before", function()
    local answer = ask("OPTIONS", "https://a.example", { ["Access-Control-Request-Method"] = "PUT",
      ["Access-Control-Request-Headers"] = "x-one,x-two" })
    assert.equal(204, answer.status)
    assert.equal("https://a.example", answer.headers["access-control-allow-origin"])
    assert.equal("GET, PUT, HEAD, OPTIONS", answer.headers["access-control-allow-methods"])
    assert.equal("x-one,x-two", answer.headers["access-control-allow-headers"])
  end)

  it("may change nothing if it is not trusted", function()
    local strict = t.server { scripts = { ["main.lua"] = script "one" } }
    local function try(method, origin)
      return strict:http { method = method, path = "/word", headers = { Origin = origin },
        body = method == "PUT" and "x" or nil }
    end
    local answer = try("PUT", "https://a.example")
    assert.equal(403, answer.status)
    assert.equal("FORBIDDEN", answer.data.code)
    assert.equal(403, try("PUT", "null").status)
    answer = try("GET", "https://a.example") -- the browser does not let it be read
    assert.equal(200, answer.status)
    assert.is_nil(answer.headers["access-control-allow-origin"])
    answer = try("OPTIONS", "https://a.example")
    assert.equal(204, answer.status)
    assert.is_nil(answer.headers["access-control-allow-methods"])
    assert.equal(200, try("PUT", strict.url).status)
    strict:stop()
  end)
end)

describe("Behind a proxy", function()
  it("the client's address counts, for the script and for rates", function()
    local server = t.server { options = { ["proxy.trusted"] = "127.0.0.0/8" },
      scripts = { ["main.lua"] = [[return {
        ["@http GET /ip"] = { rate = "1/m", burst = 1,
          handler = function(request) return request.ip end },
      }]] } }
    local function ask(ip)
      return server:http { path = "/ip", headers = { ["X-Forwarded-For"] = ip } }
    end
    assert.equal("192.0.2.1", ask "192.0.2.1".body)
    assert.equal(429, ask "192.0.2.1".status)
    assert.equal("192.0.2.2", ask "192.0.2.2".body)
    assert.equal("2001:db8::1", ask "2001:db8::1".body)
    assert.equal(429, ask "2001:db8::2".status) -- a network is one
    server:stop()
  end)
end)

describe("Over TLS", function()
  after_each(cli.cleanup)

  it("bodies and pipelines are the same", function()
    local cert, key = certificate(cli.folder())
    local server = t.server { no_wait = true, scripts = { ["main.lua"] = script "one" },
      options = { ["tls.cert"] = cert, ["tls.key"] = key } }
    server:wait_ready()
    local secure = peers.connect(server.port)
    local context = require "openssl.ssl.context".new("TLS", false)
    assert(secure.conn:starttls(context))
    local body = ("x"):rep(100000) -- of several records
    secure:write("PUT /word HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" .. body
      .. GET:format "/word" .. GET:format "/wait?s=0.1" .. GET:format "/word")
    assert.equal("one " .. body, (select(2, secure:read())))
    assert.equal("one", (select(2, secure:read())))
    assert.equal("waited one", (select(2, secure:read())))
    assert.equal("one", (select(2, secure:read())))
    secure:close()
    server:stop()
  end)
end)
