-- SPDX-License-Identifier: MIT
-- Messages of raw connections, and the hook @raw.
local cqueues = require "cqueues"
local frames = require "spec.support.frames"
local start = require "spec.support.words"

local frame, text = frames.frame, frames.text
local TEXT, BINARY, PING = frames.TEXT, frames.BINARY, frames.PING

describe("A raw connection", function()
  local server, peer, watcher

  lazy_setup(function() server = start() end)
  lazy_teardown(function() server:stop() end)

  before_each(function()
    watcher = server:connect { user = "watcher" }
    peer = frames.connect(server, "/raw")
    watcher:expect "came"
  end)

  it("has its messages handed to @raw as they are", function()
    peer:send(text 'echo {"type":"ping"}')
    peer:expect(TEXT, '{"type":"ping"}')
    peer:send(frame(BINARY, "echo \0\xff{"))
    peer:expect(BINARY, "\0\xff{")
    peer:send(text "kind \0x" .. frame(BINARY, "kind ") .. text "kind")
    peer:expect(TEXT, "2 false")
    peer:expect(TEXT, "0 true")
    peer:expect(TEXT, "0 false")
  end)

  it("is nobody's, and says that it is raw", function()
    peer:send(text "who")
    peer:expect(TEXT, "nil true greeted")
    assert.is_false(watcher:request "is_raw")
  end)

  it("is handled one message after the other, also while @raw waits", function()
    peer:send(text "slow 1" .. frame(BINARY, "slow 2") .. text "echo 3"
      .. frame(BINARY, "echo 4"))
    peer:expect(TEXT, "1")
    peer:expect(BINARY, "2")
    peer:expect(TEXT, "3")
    peer:expect(BINARY, "4")
  end)

  it("is heard to the end, also when it goes while @raw waits", function()
    local before = #server:log()
    peer:send(text "slow 1" .. text "raise" .. frames.close(1000))
    peer:expect_close(1000)
    server:wait_log("a mistake", before)
    assert.equal("closed", watcher:expect("went").data.reason)
  end)

  it("has @disconnect like any other, after which it takes nothing", function()
    peer:send(frames.close(1000))
    peer:expect_close(1000)
    local went = watcher:expect("went").data
    assert.equal("closed", went.reason)
    assert.equal("closed", went.sent)
    peer = frames.connect(server, "/raw")
    peer:send(text "\xff")
    peer:expect_close(1007)
    assert.equal("invalid_utf8", watcher:expect("went").data.reason)
    peer = frames.connect(server, "/raw")
    peer:send(frame(3, ""))
    peer:expect_close(1002)
    assert.equal("protocol_error", watcher:expect("went").data.reason)
    peer = frames.connect(server, "/raw")
    peer:drop()
    assert.equal("disconnected", watcher:expect("went").data.reason)
  end)

  it("can be sent binary of any bytes, but text only if it is UTF-8", function()
    peer:send(text "bad")
    peer:expect(TEXT, "false")
    peer:expect(BINARY, "\xff")
  end)

  it("outlives an error of @raw", function()
    local before = #server:log()
    peer:send(text "raise" .. text "echo still here")
    peer:expect(TEXT, "still here")
    server:wait_log("handler=@raw[^\n]*a mistake", before)
  end)

  it("gets JSON from those functions that send JSON", function()
    peer:send(text "json" .. text "join hall")
    peer:expect(TEXT, '{"type":"hello","data":1}')
    peer:expect(TEXT, "true")
    assert.equal(1, watcher:request("tell", "hall"))
    peer:expect(TEXT, '{"type":"told","room":"hall","data":"hall"}')
  end)

  it("without a user is no member by name, and gets no broadcast", function()
    peer:send(text "join yard")
    peer:expect(TEXT, "true")
    assert.same({}, watcher:request("members", "yard"))
    watcher:request("join", { room = "yard" })
    assert.same({ "watcher" }, watcher:request("members", "yard"))
    assert.equal(1, watcher:request "all")
    peer:send(text "echo next")
    peer:expect(TEXT, "next")
  end)

  it("is the only kind that send_raw is for", function()
    assert.matches("send_raw is for connections of raw.path",
      watcher:request "send_raw", 1, true)
  end)

  it("is closed 4507 after a message that is too large", function()
    peer:send(frame(BINARY, ("x"):rep(65536)), 60000)
    -- The longest one is let through, and is no word that the script knows.
    peer:send(text "echo on")
    peer:expect(TEXT, "on")
    peer:send(frame(BINARY, ("x"):rep(65537)))
    peer:expect_close(4507)
  end)

  it("is closed 4002 when it does not read", function()
    local closed
    repeat
      peer:send(text "pour")
      local ok, went = pcall(watcher.expect, watcher, "went", 0.1)
      closed = ok and went.data.reason
    until closed
    assert.equal("slow_consumer", closed)
  end)
end)

describe("The rates", function()
  it("close a raw connection 4505, which no error could tell", function()
    local server = start { ["limits.messages_per_s"] = 1, ["limits.burst"] = 3 }
    local peer = frames.connect(server, "/raw")
    peer:send(text "echo 1" .. text "echo 2" .. text "echo 3" .. text "echo 4")
    for i = 1, 3 do
      peer:expect(TEXT, tostring(i))
    end
    assert.equal("rate_limited", peer:expect_close(4505))
  end)

  it("count bytes, too", function()
    local server = start { ["limits.bytes_per_s"] = 1000 }
    local peer = frames.connect(server, "/raw")
    peer:send(text("echo " .. ("x"):rep(900)) .. text(("x"):rep(900)))
    peer:expect(TEXT, ("x"):rep(900))
    peer:expect_close(4505)
  end)
end)

describe("The heartbeat of a raw connection", function()
  it("is a ping frame; who answers with no frame at all is closed 4001",
    function()
      local server = start { ["heartbeat.interval_s"] = 0.2,
        ["heartbeat.timeout_s"] = 3, ["auth.timeout_s"] = 0.1 }
      local loop, is_over = cqueues.new(), false
      for _, answer in ipairs {
        frame(frames.PONG, ""), text "echo x", frame(PING, "y"),
        frame(frames.PONG, "unasked"), frame(BINARY, "echo z"),
      } do
        local peer = frames.connect(server, "/raw")
        loop:wrap(function()
          local later = 0 -- longer than the first pings are apart
          while later < 3 do
            local got
            repeat got = peer:receive() until not got or got.opcode == PING
            assert.same({ opcode = PING, payload = "", fin = true, rsv = 0 },
              got)
            peer:send(answer)
            later = later + (is_over and 1 or 0)
          end
        end)
      end
      local silent = frames.connect(server, "/raw")
      loop:wrap(function()
        local got
        repeat got = silent:receive() until not got or got.opcode ~= PING
        assert.equal(frames.CLOSE, got and got.opcode)
        assert.equal("\x0f\xa1ping_timeout", got.payload)
        is_over = true
      end)
      assert(loop:loop())
    end)
end)

describe("A server that ends", function()
  it("closes raw connections 1001 and says no goodbye to them", function()
    local server = start { ["shutdown.drain_s"] = 0.2 }
    local peer = frames.connect(server, "/raw")
    server:signal "TERM"
    assert.equal("shutdown", peer:expect_close(1001))
    assert.equal(0, server:stop(false))
  end)
end)
