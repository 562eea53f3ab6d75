-- SPDX-License-Identifier: MIT
-- The option proxy.header: which word of a proxy is believed, and what the log
-- says about others.
local certificate = require "spec.support.certificate"
local http = require "spec.support.http"
local http_tls = require "http.tls"
local openssl_context = require "openssl.ssl.context"
local raw = require "spec.support.raw"
local t = require "perigee.testing"

local scripts = {
  ["main.lua"] = "return { ip = function(client) return client.ip end }",
}

local function serve(header, options)
  options = options or {}
  options["proxy.header"] = header
  options["proxy.trusted"] = options["proxy.trusted"] or "127.0.0.1,10.0.0.0/8"
  return t.server { scripts = scripts, options = options }
end

-- Logs in on a connection, behind `lines` of its handshake, and asks who it is.
local function ip_of(peer, server, lines)
  local login = raw.login(server, "alice"):gsub("\r\n\r\n",
    "\r\n" .. (lines or "") .. "\r\n", 1)
  assert(peer:write(login, raw.frame '{"type":"ip","id":1}'))
  local text = ""
  local ip
  repeat
    text = text .. assert(peer:read(-4096), "an answer, not " .. text)
    ip = text:match '"type":"reply","id":1,"data":"([^"]*)"'
  until ip
  peer:close()
  return ip
end

local function ip(server, lines)
  return ip_of(raw.connect(server), server, lines)
end

describe("The header of a trusted proxy", function()
  it("is the one that is named", function()
    local all = "X-Forwarded-For: 203.0.113.1\r\nX-Real-IP: 203.0.113.2\r\n"
      .. "Forwarded: for=203.0.113.3\r\n"
    for header, expected in pairs {
      ["x-forwarded-for"] = "203.0.113.1", ["x-real-ip"] = "203.0.113.2",
      ["forwarded"] = "203.0.113.3",
    } do
      local server = serve(header)
      finally(function() server:stop() end)
      assert.equal(expected, ip(server, all))
      assert.equal("127.0.0.1", ip(server, "X-Client: 203.0.113.9\r\n"))
      server:stop()
    end
  end)

  it("is the last line, if it is X-Real-IP", function()
    local server = serve "x-real-ip"
    finally(function() server:stop() end)
    assert.equal("203.0.113.2", ip(server,
      "X-Real-IP: 1.1.1.1\r\nX-Real-IP: 203.0.113.2\r\n"))
    assert.equal("10.0.0.2", ip(server,
      "X-Real-IP: 1.1.1.1\r\nX-Real-IP: 10.0.0.2\r\n"))
  end)

  it("is read as RFC 7239 says, if it is Forwarded", function()
    local server = serve "forwarded"
    finally(function() server:stop() end)
    for value, expected in pairs {
      ['for="[2001:DB8::1]:4711";proto=https'] = "2001:db8::1",
      ["for=1.1.1.1, For=203.0.113.3;by=10.0.0.1"] = "203.0.113.3",
      ["for=203.0.113.3,for=10.0.0.9"] = "203.0.113.3",
      ["for=\", for=203.0.113.3"] = "203.0.113.3",
      ["for=unknown"] = "127.0.0.1", ["proto=https"] = "127.0.0.1",
      ["for=1.1.1.1, for=_hidden"] = "127.0.0.1",
    } do
      assert.equal(expected, ip(server, "Forwarded: " .. value .. "\r\n"))
    end
  end)

  it("that is missing, or there twice, is logged once", function()
    local server = serve "x-forwarded-for"
    finally(function() server:stop() end)
    for _ = 1, 2 do
      ip(server, "X-Forwarded-For: 203.0.113.1\r\n")
      ip(server, "Forwarded: for=203.0.113.1\r\n")
      ip(server, ("X-Forwarded-For: 203.0.113.1\r\n"):rep(2))
    end
    local log = server:log()
    local _, none = log:gsub("ip=127.0.0.1 is a trusted proxy and sends no "
      .. "X%-Forwarded%-For: [^\n]*`proxy.header`", "")
    local _, many = log:gsub("ip=127.0.0.1 is a trusted proxy and sends "
      .. "X%-Forwarded%-For 2 times: [^\n]*set it anew", "")
    assert.equal(1, none)
    assert.equal(1, many)
    assert.is_nil(log:find "is not in `proxy.trusted`")
  end)

  it("is not believed of others, and logged once", function()
    local server = serve("forwarded", { ["proxy.trusted"] = "10.0.0.0/8" })
    finally(function() server:stop() end)
    ip(server, "X-Forwarded-For: 203.0.113.1\r\n")
    for _ = 1, 2 do
      assert.equal("127.0.0.1", ip(server, "Forwarded: for=203.0.113.1\r\n"))
    end
    local _, lines = server:log():gsub(
      "ip=127.0.0.1 sends Forwarded and is not in `proxy.trusted`", "")
    assert.equal(1, lines)
  end)
end)

local SIGNATURE = "\r\n\r\n\0\r\nQUIT\n"
local V4 = "\203\0\113\7\127\0\0\1\19\136\0\80"
local V6 = string.pack(">I8I8", 0x20010db800000000, 1):rep(2) .. "\19\136\0\80"

-- What a proxy begins with, and whom that names.
local prefaces = {
  ["PROXY TCP4 203.0.113.7 127.0.0.1 5000 80\r\n"] = "203.0.113.7",
  ["PROXY TCP6 2001:db8::1 ::1 5000 80\r\n"] = "2001:db8::1",
  ["PROXY UNKNOWN\r\n"] = "127.0.0.1",
  [SIGNATURE .. "\x21\x11\0\12" .. V4] = "203.0.113.7",
  [SIGNATURE .. "\x21\x21\0\36" .. V6] = "2001:db8::1",
  [SIGNATURE .. "\x21\x11\0\16" .. V4 .. "\4\0\1x"] = "203.0.113.7",
  [SIGNATURE .. "\x20\0\0\0"] = "127.0.0.1", -- LOCAL
  [SIGNATURE .. "\x20\x11\0\12" .. V4] = "127.0.0.1",
}

local broken = {
  "PROXY TCP4 203.0.113.7 127.0.0.1 5000\r\n", "PROXY TCP5 a b 1 2\r\n",
  "PROXY " .. ("x"):rep(200), SIGNATURE .. "\x31\x11\0\12" .. V4,
  SIGNATURE .. "\x21\x11\0\2\0\0", SIGNATURE .. "\x21\x11\xff\xff",
}

describe("The PROXY protocol", function()
  local server

  lazy_setup(function() server = serve "proxy-protocol" end)
  lazy_teardown(function() server:stop() end)

  it("says who the client is, and no header does", function()
    for preface, expected in pairs(prefaces) do
      local peer = raw.connect(server)
      assert(peer:write(preface))
      assert.equal(expected,
        ip_of(peer, server, "X-Forwarded-For: 203.0.113.9\r\n"))
    end
  end)

  it("may come a byte at a time", function()
    for preface, expected in pairs(prefaces) do
      local peer = raw.connect(server)
      for byte in preface:gmatch "." do
        assert(peer:write(byte))
        peer:flush()
      end
      assert.equal(expected, ip_of(peer, server))
    end
  end)

  it("holds for all requests of its connection", function()
    local peer = raw.connect(server)
    assert(peer:write("PROXY TCP4 203.0.113.7 127.0.0.1 5000 80\r\n"))
    assert(peer:write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
    repeat until peer:read "*L" == "\r\n"
    assert.equal("ok\n", peer:read(3))
    assert.equal("203.0.113.7", ip_of(peer, server))
  end)

  it("is what a trusted proxy must begin with", function()
    local _, words = http.get(server.port, "/healthz")
    assert.matches("`proxy.header` is proxy-protocol", words, 1, true)
    server:wait_log "request refused status=400 [^\n]*must begin with that"
  end)

  it("is refused if it is broken, or comes twice", function()
    for _, preface in ipairs(broken) do
      local peer = raw.connect(server)
      assert(peer:write(preface))
      assert.matches("^HTTP/1.1 400 .*no PROXY protocol of version 1 or 2",
        raw.read_to_end(peer))
    end
    local peer = raw.connect(server)
    assert(peer:write(("PROXY UNKNOWN\r\n"):rep(2)))
    assert.matches("^HTTP/1.1 400 ", raw.read_to_end(peer))
  end)

  it("is refused from others, and where it is not expected", function()
    local strict = serve("proxy-protocol", { ["proxy.trusted"] = "10.0.0.1" })
    local headers = serve "x-forwarded-for"
    finally(function()
      strict:stop()
      headers:stop()
    end)
    assert.equal("127.0.0.1", ip(strict))
    for _, door in ipairs { strict, headers } do
      for preface in pairs(prefaces) do
        local peer = raw.connect(door)
        assert(peer:write(preface))
        assert.matches("^HTTP/1.1 400 .*`proxy.header` is proxy%-protocol",
          raw.read_to_end(peer))
      end
      door:wait_log "status=400 [^\n]*the PROXY protocol is taken from"
    end
  end)
end)

describe("The PROXY protocol before TLS", function()
  local dir

  local function serve_tls(header)
    local server = t.server { no_wait = true, scripts = scripts, options = {
      ["tls.cert"] = dir .. "/cert.pem", ["tls.key"] = dir .. "/key.pem",
      ["proxy.trusted"] = "127.0.0.1", ["proxy.header"] = header,
    } }
    server.port = server:wait_log "ready on https://127%.0%.0%.1:(%d+)"
    return server
  end

  lazy_setup(function()
    dir = io.popen("mktemp -d"):read "l"
    certificate(dir)
  end)
  lazy_teardown(function() os.execute("rm -rf '" .. dir .. "'") end)

  it("says who the client is", function()
    local server = serve_tls "proxy-protocol"
    finally(function() server:stop() end)
    for preface, expected in pairs(prefaces) do
      local peer = raw.connect(server)
      assert(peer:write(preface))
      peer:flush()
      local context = http_tls.new_client_context()
      context:setVerify(openssl_context.VERIFY_NONE)
      assert(peer:starttls(context, t.timeout))
      assert.equal(expected, ip_of(peer, server))
    end
  end)

  it("is logged if it is missing, broken or not expected", function()
    local server, other = serve_tls "proxy-protocol", serve_tls "forwarded"
    finally(function()
      server:stop()
      other:stop()
    end)
    for _, bytes in ipairs { "\x16\x03\x01\2\0", broken[1] } do
      local peer = raw.connect(server)
      assert(peer:write(bytes))
      assert.equal("", raw.read_to_end(peer))
    end
    server:wait_log "must begin with that"
    server:wait_log "no PROXY protocol of version 1 or 2"
    for preface in pairs(prefaces) do
      local peer = raw.connect(other)
      assert(peer:write(preface))
      raw.read_to_end(peer)
    end
    other:wait_log "no TLS: a proxy that sends the PROXY protocol needs"
  end)
end)
