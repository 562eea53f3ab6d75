-- SPDX-License-Identifier: MIT
local raw = require "spec.support.raw"
local t = require "perigee.testing"

describe("A connection is closed", function()
  local server

  lazy_setup(function()
    server = t.server {
      scripts = {
        ["main.lua"] = [[
          local perigee = require "perigee"
          local large = ("x"):rep(50000)
          return {
            echo = function(_, data) return data end,
            pour = function(_, data)
              local count = 0
              for _ = 1, 50 do
                count = count + perigee.send_to_user(data.user,
                  { type = "pour", data = large }, { drop = data.drop })
              end
              return count
            end,
            ["@disconnect"] = function(client, reason)
              perigee.send_to_user("watcher", { type = "gone",
                data = { user = client.user_id, reason = reason } })
            end,
          }
        ]],
      },
      options = {
        ["heartbeat.interval_s"] = 3600, -- no pings in between
        ["script.burst_ms"] = 20000, -- `pour` writes some MB
        ["limits.message_bytes"] = 16384,
        ["limits.messages_per_s"] = 0,
        ["limits.bytes_per_s"] = 0,
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  it("4506 after a binary message", function()
    local alice = server:connect { user = "alice" }
    alice.ws:send("\1\2\3", "binary")
    assert.equal("unsupported_frame", alice:expect_close(4506))
  end)

  it("4506 after a binary message before auth", function()
    local alice = server:connect { auth = false }
    alice.ws:send('{"type":"ping"}', "binary")
    alice:expect_close(4506)
  end)

  it("4507 after a message above the limit, and not one byte less", function()
    local alice = server:connect { user = "alice" }
    local frame = '{"type":"echo","id":1,"data":""}'
    local text = ("x"):rep(16384 - #frame)
    assert.equal(text, alice:request("echo", text))
    alice:send("echo", text .. "x", 1)
    assert.equal("too_large", alice:expect_close(4507))
  end)

  it("4507 after fragments that are too large together", function()
    local alice = server:connect { user = "alice" }
    for i = 0, 4 do
      alice.ws:send_frame {
        FIN = false, MASK = true, opcode = i == 0 and 1 or 0,
        data = ("x"):rep(4000),
      }
    end
    alice:expect_close(4507)
  end)

  it("4507 after a message over 17 KiB before auth", function()
    local mallory = server:connect { auth = false }
    mallory:send("auth", { token = ("x"):rep(17 * 1024) })
    mallory:expect_close(4507)
  end)

  it("4500 after invalid UTF-8", function()
    for _, bytes in ipairs { "\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80" } do
      local alice = server:connect { user = "alice" }
      alice:send_text('{"type":"echo","data":"' .. bytes .. '"}')
      assert.equal("bad_protocol", alice:expect_close(4500))
    end
  end)

  it("but not after a character that comes in two fragments", function()
    local alice = server:connect { user = "alice" }
    local text = '{"type":"echo","id":1,"data":"ä"}'
    local middle = text:find("ä", 1, true)
    alice.ws:send_frame { FIN = false, MASK = true, opcode = 1,
      data = text:sub(1, middle) }
    alice.ws:send_frame { FIN = true, MASK = true, opcode = 0,
      data = text:sub(middle + 1) }
    assert.equal("ä", alice:expect("reply").data)
  end)

  it("4505 when malformed messages keep coming", function()
    local mallory = server:connect { user = "mallory" }
    for _ = 1, 2000 do
      if not mallory:send_text "{" then break end
    end
    assert.equal("too_many_errors", mallory:expect_close(4505))
  end)

  it("4002 when it does not read what it gets", function()
    local watcher = server:connect { user = "watcher" }
    local slow = server:connect { user = "slow" }
    repeat
      local count = watcher:request("pour", { user = "slow" })
    until count < 50
    local gone
    repeat gone = watcher:expect("gone").data until gone.user == "slow"
    assert.equal("slow_consumer", gone.reason)
    assert.equal(0, watcher:request("pour", { user = "slow" }))
    -- What does arrive are whole messages, then the end.
    local text = slow:receive()
    while text do
      assert.equal("pour", t.decode(text).type)
      text = slow:receive()
    end
    local code = slow.ws.got_close_code
    assert.is_true(code == 4002 or code == nil)
  end)

  it("but not when scripts may drop messages for it", function()
    local watcher = server:connect { user = "watcher" }
    local slow = server:connect { user = "patient" }
    local count
    repeat
      count = watcher:request("pour", { user = "patient", drop = true })
    until count < 50
    watcher:expect_nothing()
    slow:expect "pour"
    slow:send "ping"
    slow:expect "pong"
  end)

  it("with the answer to its own close frame", function()
    local alice = server:connect { user = "alice" }
    alice:close(1000, "bye")
    assert.equal(1000, alice.ws.got_close_code)
  end)

  it("and is not heard any more after its own close frame", function()
    local peer = raw.connect(server)
    peer:write(raw.login(server, "alice"))
    peer:write(raw.frame("\3\232bye", { opcode = 8 }),
      raw.frame '{"type":"echo","id":1,"data":"late"}', raw.frame "{")
    local bytes = raw.read_to_end(peer)
    assert.not_matches("late", bytes)
    -- The answer is the same code, and the only one.
    assert.matches("\x88\2\3\232$", bytes)
    assert.is_nil(bytes:find("\x88\14", 1, true))
  end)

  it("4006 when it does not send auth in time", function()
    local own = t.server { options = { ["auth.timeout_s"] = 0.2,
      ["auth.header"] = "true" } }
    -- With the handshake: however long that takes, it is in time.
    local alice = own:connect { auth = false, headers = {
      authorization = "Bearer " .. own:token { sub = "alice" } } }
    alice:expect "auth_ok"
    local silent = own:connect { auth = false }
    assert.equal("auth_timeout", silent:expect_close(4006))
    local chatty = own:connect { auth = false }
    chatty:send "ping"
    chatty:send "nothing"
    chatty:expect_close(4006)
    alice:expect_nothing()
  end)

  it("1001 when the server stops", function()
    local own = t.server { options = { ["shutdown.drain_s"] = 0 } }
    local alice = own:connect { user = "alice" }
    local stranger = own:connect { auth = false }
    own:signal "TERM"
    assert.equal("shutdown", alice:expect_close(1001))
    stranger:expect_close(1001)
    assert.equal(0, own:stop(false))
  end)
end)

describe("A peer that does not answer a close frame", function()
  it("is cut off after a while, also when nothing else happens", function()
    local socket = require "cqueues.socket"
    local server = t.server {
      scripts = { ["main.lua"] = "return {}" },
      options = { ["auth.timeout_s"] = 0.1 },
    }
    local peer = socket.connect("127.0.0.1", tonumber(server.port))
    peer:settimeout(15) -- 30 s is what the library's own timers would take
    peer:setmode("bn", "bn")
    peer:write("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n",
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    local bytes, why = peer:read "*a"
    assert.is_string(bytes, tostring(why))
    assert.matches("auth_timeout$", bytes)
    peer:close()
  end)
end)
