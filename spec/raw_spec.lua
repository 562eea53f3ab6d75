-- SPDX-License-Identifier: MIT
-- Raw mode: connections to raw.path, and the hook @raw.
local cli = require "spec.support.cli"
local cqueues = require "cqueues"
local frames = require "spec.support.frames"
local http = require "spec.support.http"
local t = require "perigee.testing"

local frame, text = frames.frame, frames.text
local TEXT, BINARY, PING = frames.TEXT, frames.BINARY, frames.PING

local script = [[
  local perigee = require "perigee"

  -- "word rest of it" calls the word's function with the rest.
  local words = {
    echo = function(client, rest, is_binary)
      client:send_raw(rest, is_binary)
    end,
    slow = function(client, rest, is_binary)
      perigee.sleep(0.05)
      client:send_raw(rest, is_binary)
    end,
    who = function(client)
      client:send_raw(tostring(client.user_id) .. " "
        .. tostring(client.is_raw) .. " " .. client.state.greeted)
    end,
    kind = function(client, rest, is_binary)
      client:send_raw(#rest .. " " .. tostring(is_binary))
    end,
    bad = function(client)
      client:send_raw(tostring(pcall(client.send_raw, client, "\xff")))
      client:send_raw("\xff", true)
    end,
    raise = function() error "a mistake" end,
    join = function(client, room)
      client:send_raw(tostring(client:join(room)))
    end,
    json = function(client) client:send { type = "hello", data = 1 } end,
    pour = function(client)
      local large = ("x"):rep(100000)
      for _ = 1, 30 do client:send_raw(large) end
    end,
  }

  return {
    ["@raw"] = function(client, payload, is_binary)
      local word, rest = payload:match "^(%l+) ?(.*)$"
      words[word](client, rest, is_binary)
    end,
    ["@connect"] = function(client)
      client.state.greeted = "greeted"
      if client.is_raw then
        perigee.send_to_user("watcher", { type = "came",
          data = { user = client.user_id } })
      end
    end,
    ["@disconnect"] = function(client, reason)
      if client.is_raw then
        perigee.send_to_user("watcher", { type = "went",
          data = { id = client.id, reason = reason,
            sent = select(2, client:send_raw "too late") } })
      end
    end,
    is_raw = function(client) return client.is_raw end,
    send_raw = function(client)
      local _, why = pcall(client.send_raw, client, "x")
      return why
    end,
    tell = function(_, room)
      return perigee.send_to_room(room, { type = "told", data = room })
    end,
    all = function() return perigee.broadcast { type = "all" } end,
    members = function(_, room) return perigee.members(room) end,
  }
]]

local function start(options, more)
  -- The first ping of a connection comes at a random time of the interval.
  local all = { ["raw.path"] = "/raw", ["heartbeat.interval_s"] = 3600,
    ["script.burst_ms"] = 20000 } -- `pour` writes some MB
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  local scripts = { ["raw.lua"] = script }
  for name, source in pairs(more or {}) do
    scripts[name] = source
  end
  return t.server { scripts = scripts, options = all }
end

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
    peer:expect(TEXT, '{"type":"told","data":"hall","room":"hall"}')
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
    finally(function() server:stop() end)
    local peer = frames.connect(server, "/raw")
    peer:send(text "echo 1" .. text "echo 2" .. text "echo 3" .. text "echo 4")
    for i = 1, 3 do
      peer:expect(TEXT, tostring(i))
    end
    assert.equal("rate_limited", peer:expect_close(4505))
  end)

  it("count bytes, too", function()
    local server = start { ["limits.bytes_per_s"] = 1000 }
    finally(function() server:stop() end)
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
      finally(function() server:stop() end)
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

describe("raw.auth = token", function()
  local server

  local function connect(token)
    return frames.connect(server, "/raw",
      token and "Authorization: Bearer " .. token)
  end

  after_each(function() server:stop() end)

  it("lets in who brings a token with the handshake", function()
    server = start { ["raw.auth"] = "token" }
    local peer = connect(server:token { sub = "alice" })
    peer:send(text "who")
    peer:expect(TEXT, "alice true greeted")
  end)

  it("takes it from a cookie, too, if there is one for it", function()
    server = start { ["raw.auth"] = "token", ["auth.cookie"] = "session" }
    local peer = frames.connect(server, "/raw",
      "Cookie: session=" .. server:token { sub = "alice" })
    peer:send(text "who")
    peer:expect(TEXT, "alice true greeted")
    frames.connect(server, "/raw", "Cookie: other=x"):expect_close(4501)
  end)

  it("closes others 4501, without a word of JSON", function()
    server = start { ["raw.auth"] = "token" }
    local expired = server:token { sub = "alice", exp = 1 }
    for _, token in ipairs { "", "nonsense" } do
      local peer = connect(token)
      peer:send(text "echo let me in")
      assert.equal("auth_failed", peer:expect_close(4501))
    end
    local late = connect(expired) -- a new token may be better
    late:send(text "echo let me in")
    late:expect_close(4003)
    connect(nil):expect_close(4501)
    frames.connect(server, "/raw", "Authorization: Basic YWxpY2U6eA==")
      :expect_close(4501)
  end)

  it("asks @token and @auth, and keeps messages until they answer", function()
    server = start({ ["raw.auth"] = "token" }, { ["hooks.lua"] = [[
      local perigee = require "perigee"
      return {
        ["@token"] = function(_, token)
          perigee.sleep(0.05)
          return token:match "^key of (%l+)$"
        end,
        ["@auth"] = function(client)
          perigee.sleep(0.05)
          if client.user_id == "mallory" then
            return nil, "no.mallory"
          end
        end,
      }
    ]] })
    local peer = connect "key of alice"
    peer:send(text "who" .. frame(BINARY, "echo second"))
    peer:expect(TEXT, "alice true greeted")
    peer:expect(BINARY, "second")
    for _, key in ipairs { "key of mallory", "no key" } do
      peer = connect(key)
      peer:send(text "echo let me in")
      peer:expect_close(4501)
    end
  end)

  it("hears nobody who leaves before it is settled", function()
    server = start({ ["raw.auth"] = "token" }, { ["hooks.lua"] = [[
      local perigee = require "perigee"
      return {
        ["@token"] = function(_, token)
          while token == "slow" and not perigee.store.get "settled" do
            perigee.sleep(0.005)
          end
          perigee.log.info("settled " .. token)
          return "alice"
        end,
        settle = function() perigee.store.set("settled", true) end,
      }
    ]] })
    local peer = connect "slow"
    peer:send(text "raise" .. frames.close(1000))
    peer:expect_close(1000)
    server:connect({ token = "quick" }):request "settle"
    server:wait_log "(settled slow)"
    peer = connect "quick"
    peer:send(text "who")
    peer:expect(TEXT, "alice true greeted")
    assert.is_nil(server:log():match "a mistake")
  end)
end)

describe("With several workers,", function()
  local server

  after_each(function() server:stop() end)

  -- Peers on both workers, and which one each is on.
  local function connect_to_both(...)
    local peers, seen, count = {}, {}, 0
    while count < 2 do
      local peer = frames.connect(server, "/raw", ...)
      peer:send(text "where")
      local worker = peer:receive().payload
      count = count + (seen[worker] and 0 or 1)
      seen[worker], peers[#peers + 1] = true, peer
    end
    return peers
  end

  local both = [[
    local perigee = require "perigee"
    return {
      ["@raw"] = function(client, payload, is_binary)
        if payload == "where" then
          client:join "hall"
          client:send_raw(tostring(perigee.worker))
        elseif payload == "leave" then
          client:send_raw(tostring(client:leave "hall"))
        end
      end,
      tell = function()
        return perigee.send_to_room("hall", { type = "told" })
      end,
      here = function()
        return { perigee.members "hall", perigee.rooms() }
      end,
      raw = function(_, bytes)
        local results = {}
        for i, client in ipairs(perigee.clients_of "alice") do
          results[i] = { client.is_raw, client:send_raw(bytes, true),
            pcall(client.send_raw, client, "\xff") }
        end
        return results
      end,
    }
  ]]

  it("those without a user are in rooms, and have no name there", function()
    server = t.server { scripts = { ["both.lua"] = both },
      options = { workers = 2, ["heartbeat.interval_s"] = 3600,
        ["raw.path"] = "/raw", ["limits.per_ip"] = 0 } }
    local watcher = server:connect { user = "watcher" }
    local peers = connect_to_both()
    assert.equal(#peers, watcher:request "tell")
    for _, peer in ipairs(peers) do
      peer:expect(TEXT, '{"type":"told","room":"hall"}')
    end
    assert.same({ {}, { "hall" } }, watcher:request "here")
    peers[1]:send(text "leave")
    peers[1]:expect(TEXT, "true")
    for i = 2, #peers do
      peers[i]:send(frames.close(1000))
      peers[i]:expect_close(1000)
    end
    t.wait_until(function() return watcher:request "tell" == 0 end)
    assert.same({ {}, {} }, watcher:request "here")
  end)

  it("send_raw reaches clients of the other ones", function()
    server = t.server { scripts = { ["both.lua"] = both },
      options = { workers = 2, ["heartbeat.interval_s"] = 3600,
        ["raw.path"] = "/raw", ["raw.auth"] = "token",
        ["limits.per_ip"] = 0, ["limits.per_user"] = 0 } }
    local watcher = server:connect { user = "watcher" }
    local peers = connect_to_both("Authorization: Bearer "
      .. server:token { sub = "alice" })
    local results = watcher:request("raw", "bytes")
    assert.equal(#peers, #results)
    for i, peer in ipairs(peers) do
      assert.same({ true, true, false }, { table.unpack(results[i], 1, 3) })
      peer:expect(BINARY, "bytes")
    end
  end)
end)

describe("The path of raw connections", function()
  it("is not there without raw.path", function()
    local server = t.server { scripts = { ["raw.lua"] = script } }
    finally(function() server:stop() end)
    local peer, status = frames.connect(server, "/raw")
    assert.is_nil(peer)
    assert.equal(404, status)
    assert.equal(404, (http.get(server.port, "/raw")))
  end)

  it("asks for an upgrade, also beside a folder of static files", function()
    local server = start { public = cli.folder { raw = "a file" } }
    finally(function() server:stop() cli.cleanup() end)
    assert.equal(426, (http.get(server.port, "/raw")))
    local peer = frames.connect(server, "/raw")
    peer:send(text "echo x")
    peer:expect(TEXT, "x")
  end)

  it("is refused to pages from elsewhere", function()
    local server = start { origins = "https://own.example" }
    finally(function() server:stop() end)
    local _, status = frames.connect(server, "/raw",
      "Origin: https://other.example")
    assert.equal(403, status)
  end)

  it("answers 503 while no script has @raw", function()
    local server = start()
    finally(function() server:stop() end)
    local peer = frames.connect(server, "/raw")
    server:write("raw.lua", "return {}")
    assert.matches("live", server:reload())
    peer:send(text "echo x")
    assert.equal("unsupported_frame", peer:expect_close(4506))
    local _, status = frames.connect(server, "/raw")
    assert.equal(503, status)
  end)

  it("may have a script for each part: @raw runs in all of them", function()
    local server = start(nil, { ["second.lua"] = [[
      return { ["@raw"] = function(client) client:send_raw "second" end }
    ]] })
    finally(function() server:stop() end)
    local peer = frames.connect(server, "/raw")
    peer:send(text "echo first")
    peer:expect(TEXT, "first")
    peer:expect(TEXT, "second")
    peer:send(text "raise")
    peer:expect(TEXT, "second")
  end)

  it("must be one", function()
    local secret = "--auth.secret=" .. ("s"):rep(32)
    for path, why in pairs {
      ["/ws"] = "at `/ws` JSON is spoken", raw = "not a path like `/raw`",
      ["/raw/"] = "not a path", ["/a//b"] = "not a path",
      ["/../etc"] = "not a path", ["/raw?x"] = "not a path",
    } do
      local status, _, err = cli.run { "serve", cli.folder(), secret,
        "--listen=127.0.0.1:0", "--raw.path=" .. path }
      assert.not_equal(0, status)
      assert.matches("raw.path: ", err, 1, true)
      assert.matches(why, err, 1, true)
    end
    cli.cleanup()
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
