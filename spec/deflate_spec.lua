-- SPDX-License-Identifier: MIT
-- permessage-deflate: negotiated, sent and received.
local deflate = require "spec.support.deflate"
local http = require "spec.support.http"
local raw = require "spec.support.raw"
local servers = require "spec.support.servers"
local t = require "perigee.testing"

local TERMS = "permessage-deflate; server_no_context_takeover; "
  .. "client_no_context_takeover"

local scripts = {
  ["main.lua"] = [[
    local perigee = require "perigee"
    return {
      echo = function(_, data) return data end,
      length = function(_, data) return #data end,
      say = function(_, data)
        return perigee.send_to_room("hall", { type = "said", data = data })
      end,
    }
  ]],
}

local text = ("All work and no play makes Jack a dull boy. "):rep(50)

local serve = servers {
  scripts = scripts,
  -- The first ping of a connection comes at a random time of the interval.
  options = { ["deflate.enabled"] = true, ["heartbeat.interval_s"] = 3600 },
}

local function counter(server, name)
  local port = server.admin:match ":(%d+)$"
  local _, body = http.get(port, "/metrics")
  local sum
  for value in body:gmatch("\nperigee_" .. name .. "_total%b{} (%d+)") do
    sum = (sum or 0) + tonumber(value)
  end
  return assert(sum, body)
end

-- Text that does not get smaller.
local function noise(length)
  local bytes = {}
  for i = 1, length do
    bytes[i] = string.char(math.random(35, 91))
  end
  return table.concat(bytes)
end

describe("permessage-deflate", function()
  local server

  lazy_setup(function() server = serve() end)
  lazy_teardown(function() server:stop() end)

  it("is negotiated without contexts", function()
    for _, offer in ipairs {
      "permessage-deflate",
      "permessage-deflate; client_max_window_bits",
      "permessage-deflate; server_no_context_takeover",
      "permessage-deflate; client_no_context_takeover; "
        .. "server_no_context_takeover; client_max_window_bits=9",
      "permessage-deflate; server_max_window_bits=7, permessage-deflate",
      "x-other, permessage-deflate",
    } do
      local peer = deflate.login(server, "alice", offer)
      assert.equal(TERMS, peer.answer, offer)
      local got, compressed = peer:request("echo", text)
      assert.equal(text, got)
      assert.is_true(compressed)
      peer.socket:close()
    end
  end)

  -- What is longer than the window may refer to what has left it.
  it("keeps to the window of the client", function()
    for bits = 8, 15 do
      local peer = deflate.login(server, "alice",
        "permessage-deflate; server_max_window_bits=" .. bits)
      assert.equal(TERMS .. "; server_max_window_bits=" .. bits, peer.answer)
      for _, length in ipairs { (1 << bits) - 100, (1 << bits) + 100 } do
        local got, compressed = peer:request("echo", ("x"):rep(length))
        assert.equal(length, #got)
        assert.equal(length > 512 and (length < 1 << bits or bits == 15),
          compressed)
      end
      peer.socket:close()
    end
  end)

  it("is ended by a client that keeps its context, and the log says so",
    function()
      local peer = deflate.login(server, "alice")
      local compress = deflate.in_context()
      peer:write(compress '{"type":"ping"}')
      peer:write(compress '{"type":"ping"}')
      server:wait_log "the peer keeps its compression window"
    end)

  it("is not for clients that are known to keep their context", function()
    for agent, is_taken in pairs { ["Tornado/6.2"] = false,
      ["Mojolicious (Perl)"] = false, ["Mozilla/5.0 Tornado/6.2"] = true } do
      local peer = deflate.login(server, "alice",
        "permessage-deflate\r\nUser-Agent: " .. agent)
      assert.equal(is_taken, peer.answer ~= nil, agent)
      peer.socket:close()
    end
  end)

  it("is not when nothing is offered that can be taken", function()
    for _, offer in ipairs {
      false,
      "permessage-deflate; server_max_window_bits=7",
      "permessage-deflate; novelty",
      "x-webkit-deflate-frame",
    } do
      local peer = deflate.login(server, "alice", offer)
      assert.equal("101", peer.status)
      assert.is_nil(peer.answer)
      local got, compressed = peer:request("echo", text)
      assert.equal(text, got)
      assert.is_false(compressed)
      peer:write(deflate.frame '{"type":"ping"}')
      raw.read_to_end(peer.socket) -- RSV1 means nothing then
    end
  end)

  it("leaves plain HTTP alone", function()
    assert.equal(200, (http.get(server.port, "/healthz")))
    assert.equal(426, (http.get(server.port, "/ws",
      "Sec-WebSocket-Extensions: permessage-deflate")))
    local conn = deflate.login(server, "alice")
    assert.equal("hi", (conn:request("echo", "hi")))
  end)

  it("compresses from the threshold on, if that makes it smaller", function()
    local peer = deflate.login(server, "alice")
    local frame = #'{"type":"reply","id":1,"data":""}'
    local _, compressed, whole = peer:request("echo", ("x"):rep(512 - frame))
    assert.equal(512, #whole)
    assert.is_true(compressed)
    _, compressed, whole = peer:request("echo", ("x"):rep(511 - frame))
    assert.equal(511, #whole)
    assert.is_false(compressed)
  end)

  it("is right for messages of all lengths", function()
    local peer = deflate.login(server, "alice")
    local sent = text:rep(20)
    for _, length in ipairs { 0, 1, 125, 126, 500, 1000, 4000, 16000, 40000 } do
      local part = sent:sub(1, length)
      assert.equal(part, (peer:request("echo", part)), length)
      peer:write(deflate.frame(t.encode { type = "echo", id = 1, data = part }))
      assert.equal(part, peer:expect("reply").data, length)
    end
    local any = noise(30000)
    peer:write(deflate.frame(t.encode { type = "echo", id = 1, data = any }))
    assert.equal(any, peer:expect("reply").data)
  end)

  it("compresses a broadcast once, and only for those who can", function()
    local peers, plain = {}, server:connect "plain"
    plain:join "hall"
    for i = 1, 5 do
      peers[i] = deflate.login(server, "peer" .. i)
      peers[i]:request("join", { room = "hall" })
    end
    local before = counter(server, "frames_deflated")
    peers[1]:send { type = "say", data = text }
    for i = 1, 5 do
      local message, compressed = peers[i]:expect "said"
      assert.equal(text, message.data)
      assert.is_true(compressed)
      peers[i].socket:close()
    end
    assert.equal(text, plain:expect("said").data)
    assert.equal(before + 1, counter(server, "frames_deflated"))
  end)

  it("understands messages in fragments", function()
    local peer = deflate.login(server, "alice")
    local payload = deflate.compress(t.encode
      { type = "echo", id = 1, data = noise(2000) .. text })
    for _, size in ipairs { 1, 7, 512, 1500 } do
      local before = counter(server, "messages_inflated")
      for at = 1, #payload, size do
        peer:write(raw.frame(payload:sub(at, at + size - 1), {
          rsv = at == 1 and 4 or 0,
          opcode = at == 1 and 1 or 0,
          fin = at + size > #payload,
        }))
        if at > 1 and at < 4 * size then -- control frames may come between
          peer:write(raw.frame("", { opcode = 10 }))
        end
      end
      assert.equal(text, peer:expect("reply").data:sub(2001), size)
      assert.equal(before + 1, counter(server, "messages_inflated"))
    end
  end)

  it("lets plain and compressed messages follow each other", function()
    local peer = deflate.login(server, "alice")
    local bytes = {}
    for i = 1, 40 do
      local message = t.encode { type = "echo", id = i, data = text }
      bytes[i] = i % 3 == 0 and raw.frame(message) or deflate.frame(message)
    end
    peer:write(table.concat(bytes))
    for i = 1, 40 do
      assert.equal(i, peer:expect("reply").id)
    end
  end)

  it("answers pings of the peer, which are not compressed", function()
    local peer = deflate.login(server, "alice")
    peer:write(raw.frame("are you there", { opcode = 9 }))
    local opcode, payload, compressed = peer:read_frame()
    assert.equal(10, opcode)
    assert.equal("are you there", payload)
    assert.is_false(compressed)
    peer:write(raw.frame("\3\232", { opcode = 8 }))
    assert.equal(1000, (peer:expect_close()))
  end)

  it("closes 4500 after data that is corrupt, and says so", function()
    local watcher = deflate.login(server, "watcher")
    local whole = deflate.compress(t.encode { type = "echo", data = text })
    for name, payload in pairs {
      garbage = ("\xff"):rep(100),
      cut = whole:sub(1, -10),
      nothing = "",
      ["an earlier message"] = "\xf2\x00\x11\x00\x00",
    } do
      local before = #server:log() + 1
      local peer = deflate.login(server, "mallory")
      peer:write(raw.frame(payload, { rsv = 4 }))
      local code, reason = peer:expect_close()
      assert.equal("4500 bad_protocol", code .. " " .. reason, name)
      server:wait_log("user=mallory sent compressed data that is corrupt",
        before)
      assert.equal(name, (watcher:request("echo", name)))
    end
  end)

  it("closes 1002 after a bit in the middle of a message", function()
    local peer = deflate.login(server, "mallory")
    local payload = deflate.compress(t.encode { type = "echo", data = text })
    peer:write(raw.frame(payload:sub(1, 9), { rsv = 4, fin = false })
      .. raw.frame(payload:sub(10), { rsv = 4, opcode = 0 }))
    assert.equal(1002, (peer:expect_close()))
  end)

  it("closes 4500 after invalid UTF-8, 4506 after binary data", function()
    local peer = deflate.login(server, "mallory")
    peer:write(deflate.frame '{"type":"echo","data":"\xff"}')
    assert.equal(4500, (peer:expect_close()))
    peer = deflate.login(server, "mallory")
    peer:write(raw.frame(deflate.compress "x", { rsv = 4, opcode = 2 }))
    assert.equal(4506, (peer:expect_close()))
  end)

  it("gives the other reserved bits no meaning", function()
    for _, rsv in ipairs { 1, 2, 6 } do
      local peer = deflate.login(server, "mallory")
      peer:write(raw.frame(deflate.compress "{}", { rsv = rsv }))
      raw.read_to_end(peer.socket)
    end
  end)
end)

describe("A message that is much larger than it looks", function()
  local function memory(server)
    local file <close> = io.open(("/proc/%d/status"):format(server.pid))
    return tonumber(file:read("a"):match "VmHWM:%s*(%d+)") * 1024
  end

  it("closes 4507, and not one byte less", function()
    local server = serve { ["limits.message_bytes"] = "16KiB" }
    local peer = deflate.login(server, "alice")
    local frame = '{"type":"length","id":1,"data":""}'
    local most = ("x"):rep(16384 - #frame)
    peer:write(deflate.frame(frame:sub(1, -3) .. most .. '"}'))
    assert.equal(#most, peer:expect("reply").data)
    -- What cannot be compressed gets a little larger, and may.
    local any = noise(16384 - #frame)
    local stored = deflate.compress(frame:sub(1, -3) .. any .. '"}', 0)
    assert.is_true(#stored > 16384)
    peer:write(raw.frame(stored, { rsv = 4 }))
    assert.equal(#any, peer:expect("reply").data)
    peer:write(deflate.frame(frame:sub(1, -3) .. most .. 'x"}'))
    local code, reason = peer:expect_close()
    assert.equal("4507 too_large", code .. " " .. reason)
  end)

  it("is not inflated beyond that", function()
    local server = serve()
    local watcher = deflate.login(server, "watcher")
    local bomb = raw.frame(deflate.compress(("x"):rep(50000000), 9),
      { rsv = 4 })
    assert.is_true(#bomb < 60000)
    local before = memory(server)
    for _ = 1, 20 do
      local peer = deflate.login(server, "mallory")
      peer:write(bomb)
      assert.equal(4507, (peer:expect_close()))
      peer.socket:close()
    end
    local grown = memory(server) - before
    -- AddressSanitizer keeps what was freed for a while.
    local is_sanitized = (os.getenv "PERIGEE_BIN" or ""):find "san"
    local limit = is_sanitized and 100 << 20 or 5 << 20
    assert.is_true(grown < limit, grown .. " bytes more")
    assert.equal(1, (watcher:request("echo", 1)))
  end)

  it("closes 4507 before auth at 17 KiB", function()
    local server = serve()
    local peer = deflate.connect(server)
    peer:write(deflate.frame(t.encode
      { type = "auth", data = { token = ("x"):rep(17 * 1024) } }))
    assert.equal(4507, (peer:expect_close()))
  end)

  it("waits at its sender's side when it keeps coming too fast", function()
    local server = serve { ["limits.burst"] = 5,
      ["limits.messages_per_s"] = 1 }
    local peer = deflate.login(server, "mallory")
    peer:write(deflate.frame(t.encode
      { type = "length", data = ("x"):rep(60000) }):rep(300))
    t.wait_until(function() return counter(server, "reads_paused") > 0 end)
    assert.is_true(counter(server, "messages_in") < 300)
    assert.equal(0, counter(server, "too_many_errors"))
    -- One that is a little too fast is only told so.
    local alice = deflate.login(server, "alice")
    alice:write(raw.frame(t.encode { type = "length", data = "x" }):rep(100)
      .. raw.frame('{"type":"length","id":7}'))
    local message
    repeat message = alice:expect "error" until message.id
    assert.equal("RATE_LIMITED", message.data.code)
  end)
end)

describe("Options of permessage-deflate", function()
  it("off, nothing is negotiated", function()
    local server = serve { ["deflate.enabled"] = false }
    local peer = deflate.login(server, "alice")
    assert.is_nil(peer.answer)
    local got, compressed = peer:request("echo", text)
    assert.equal(text, got)
    assert.is_false(compressed)
    assert.equal(0, counter(server, "frames_deflated"))
    peer:write(deflate.frame '{"type":"ping"}')
    raw.read_to_end(peer.socket)
  end)

  it("have a threshold and a level", function()
    local server = serve { ["deflate.threshold"] = 1, ["deflate.level"] = 9 }
    local peer = deflate.login(server, "alice")
    local got, compressed = peer:request("echo", ("x"):rep(50))
    assert.equal(("x"):rep(50), got)
    assert.is_true(compressed)
  end)
end)

describe("permessage-deflate among several workers", function()
  it("brings everybody the same message", function()
    local server = serve { workers = 3, ["limits.per_ip"] = 0 }
    local peers = {}
    for i = 1, 24 do
      local offer = i % 4 > 0 and "permessage-deflate"
      peers[i] = deflate.login(server, "peer" .. i, offer)
      peers[i]:request("join", { room = "hall" })
    end
    for round = 1, 20 do
      peers[round]:send { type = "say", data = text .. round }
      for i = 1, 24 do
        local message, compressed = peers[i]:expect "said"
        assert.equal(text .. round, message.data)
        assert.equal(i % 4 > 0, compressed)
      end
    end
    assert.equal(20, counter(server, "frames_deflated"))
  end)
end)

describe("permessage-deflate over TLS", function()
  it("is not another thing", function()
    local certificate = require "spec.support.certificate"
    local dir = io.popen("mktemp -d"):read "l"
    local cert, key = certificate(dir)
    local server = serve { ["tls.cert"] = cert, ["tls.key"] = key }
    finally(function() os.execute("rm -rf " .. dir) end)
    local peer = deflate.login(server, "alice")
    local sent = noise(3000) .. text
    peer:write(deflate.frame(t.encode { type = "echo", id = 1, data = sent }))
    local message, compressed = peer:expect "reply"
    assert.equal(sent, message.data)
    assert.is_true(compressed)
  end)
end)
