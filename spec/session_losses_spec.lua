-- SPDX-License-Identifier: MIT
-- What parks a session, and what ends one.
local admin = require "spec.support.admin"
local raw = require "spec.support.raw"
local sessions = require "spec.support.sessions"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    echo = function(_, data) return data end,
    mark = function() perigee.log.info "marked" end,
    tell = function(_, data)
      return perigee.send_to_user(data.user, { type = "told", data = data.text })
    end,
    kick = function(_, user) return perigee.kick(user) end,
    close = function(client, data) client:close(data.code, data.reason) end,
    close_of = function(_, data)
      return (perigee.clients_of(data.user)[1]:close(data.code))
    end,
    online = function(_, user) return perigee.is_online(user) end,
    state = function(client, data)
      client.state.value = data or client.state.value
      return client.state.value
    end,
    ["@away"] = function(client, reason)
      perigee.log.info(client.user_id .. " @away " .. reason)
      perigee.log.info("online=" .. tostring(perigee.is_online(client.user_id)))
    end,
    ["@leave"] = function(client, room, reason)
      perigee.log.info(client.user_id .. " @leave " .. room .. " " .. reason)
    end,
    ["@disconnect"] = function(client, reason)
      perigee.log.info(client.user_id .. " @disconnect " .. reason)
    end,
  }
]]

local function start(options)
  options = options or {}
  options["limits.messages_per_s"] = 0
  return t.server { scripts = { ["main.lua"] = SCRIPT }, options = options }
end

describe("A session is parked", function()
  local server, alice

  local function begin(options)
    server = start(options)
    alice = sessions.open(server, "alice")
  end

  local function comes_back(reason)
    server:wait_log("alice @away (" .. reason .. ")\n")
    assert.is_true(alice:resume().session.resumed)
    assert.equal(1, alice:request("echo", 1))
    assert.is_nil(server:log():find("@disconnect", 1, true))
  end

  it("when the connection ends without a word (1006)", function()
    begin()
    alice:cut()
    comes_back "disconnected"
  end)

  it("when the peer resets it", function()
    begin()
    local peer = raw.connect(server)
    peer:write(raw.handshake, raw.frame(t.encode { type = "auth", data = {
      token = server:token { sub = "alice" },
      session = { id = alice.id, received = 0 } } }))
    peer:write(raw.frame(t.encode { type = "echo", data = ("x"):rep(1000), id = 1 }))
    peer:write(raw.frame(t.encode { type = "mark" }))
    server:wait_log "marked"
    peer:setvbuf "no"
    peer:close() -- what was not read resets it
    server:wait_log "alice @away disconnected"
    assert.is_true(alice:ask(0).session.resumed)
    assert.equal(1000, #alice:expect("reply").data)
  end)

  for _, case in ipairs { { 1001, "\3\233" }, { 1005, "" } } do
    it("when the peer closes " .. case[1], function()
      begin()
      local peer = raw.connect(server)
      peer:write(raw.handshake, raw.frame(t.encode { type = "auth", data = {
        token = server:token { sub = "bob" }, session = {} } }),
        raw.frame(case[2], { opcode = 8 }))
      assert.matches("\x88" .. string.char(#case[2]) .. case[2] .. "$",
        raw.read_to_end(peer))
      server:wait_log "bob @away closed"
    end)
  end

  it("when it has fallen silent (4001)", function()
    begin { ["heartbeat.interval_s"] = 0.2, ["heartbeat.timeout_s"] = 2 }
    alice:ack() -- who has never answered is asked by ping frames
    alice.client.is_mute = true
    assert.equal("ping_timeout", alice:expect_close(4001))
    alice.client.is_mute = false
    comes_back "ping_timeout"
  end)

  it("when a script sends its client away (4004)", function()
    begin()
    alice:send("close", { code = 4004, reason = "move" })
    alice:send("echo", "behind", 1) -- nobody reads that
    assert.equal("move", alice:expect_close(4004))
    server:wait_log "alice @away move"
    alice.client.inbox = {}
    alice:resume()
    assert.equal("behind", alice:expect("reply").data)
  end)

  it("and what it was sent before such a close arrives before it", function()
    begin()
    alice:send("tell", { user = "alice", text = "last words" })
    alice:send("close", { code = 4004 })
    alice:expect_close(4004)
    assert.equal("last words", alice.client.inbox[1].data)
    assert.equal(1, alice.received)
  end)

  it("across a reload", function()
    begin()
    alice:request("state", "kept")
    alice:cut()
    server:wait_log "alice @away"
    server:reload()
    alice:resume()
    assert.equal("kept", alice:request("state"))
  end)
end)

describe("A session ends", function()
  local server, other

  local function begin(options)
    server = start(options)
    other = server:connect { user = "other" }
  end

  local function park(user)
    local session = sessions.open(server, user)
    session:join "r"
    session:cut()
    server:wait_log(user .. " @away")
    return session
  end

  it("with a close frame of 1000, and others that say why", function()
    begin()
    for _, code in ipairs { 1000, 1011, 4000, 4500 } do
      local session = sessions.open(server, "user" .. code)
      session:close(code)
      server:wait_log("user" .. code .. " @disconnect closed")
    end
    assert.is_nil(server:log():find("@away", 1, true))
  end)

  it("with a kick, also while its client is away", function()
    begin()
    local here = sessions.open(server, "here")
    assert.equal(1, other:request("kick", "here"))
    here:expect_close(4502)
    server:wait_log "here @disconnect kicked"
    local gone = park "gone"
    assert.equal(1, other:request("kick", "gone"))
    server:wait_log "gone @leave r kicked"
    server:wait_log "gone @disconnect kicked"
    assert.is_false(other:request("online", "gone"))
    assert.is_false(gone:ask().session.resumed)
  end)

  it("not when a script sends away a client that is away", function()
    begin()
    local alice = park "alice"
    assert.is_true(other:request("close_of", { user = "alice", code = 4004 }))
    assert.is_true(alice:resume().session.resumed)
  end)

  it("when session.keep_s is over: it is lost", function()
    begin { ["session.keep_s"] = 0.3 }
    local alice = park "alice"
    server:wait_log "online=true" -- meanwhile
    server:wait_log "alice @leave r disconnected"
    server:wait_log "alice @disconnect lost"
    assert.is_false(other:request("online", "alice"))
    assert.is_false(alice:ask().session.resumed)
    assert.equal(1, admin.metric(server, 'perigee_sessions_lost_total{worker="1"}'))
  end)

  it("when more is sent to a client that is away than is kept", function()
    begin { ["session.replay_bytes"] = 2048 }
    local alice = park "alice"
    local sent = 0
    while other:request("tell", { user = "alice", text = ("x"):rep(200) }) == 1 do
      sent = sent + 1
    end
    assert.is_true(sent >= 5 and sent <= 10, sent)
    server:wait_log "alice @disconnect slow_consumer"
    assert.is_false(alice:ask().session.resumed)
  end)

  it("with the server", function()
    begin()
    park "alice"
    sessions.open(server, "bob")
    server:signal "TERM"
    assert.equal(0, server:stop(false))
    assert.matches("alice @disconnect shutdown", server.last_log)
    assert.matches("bob @disconnect shutdown", server.last_log)
  end)
end)

describe("A session that is parked", function()
  it("makes way for another connection of its user", function()
    local server = start { ["limits.per_user"] = 1, ["heartbeat.timeout_s"] = 0.3 }
    local first = sessions.open(server, "alice")
    first:cut()
    server:wait_log "alice @away"
    local second = sessions.open(server, "alice")
    server:wait_log "alice @disconnect lost"
    assert.is_false(first:ask().session.resumed) -- and now second is silent
    server:wait_log "alice @disconnect lost.*alice @disconnect lost"
    assert.equal("ping_timeout", second:expect_close(4001))
  end)

  it("is resumed where its user has as many connections as may be", function()
    local server = start { ["limits.per_user"] = 1 }
    local alice = sessions.open(server, "alice")
    alice:cut()
    server:wait_log "alice @away"
    alice:resume()
    assert.equal(1, alice:request("echo", 1))
  end)

  it("does not count for its address", function()
    local server = start { ["limits.per_ip"] = 2 }
    local all = {}
    for i = 1, 2 do
      all[i] = sessions.open(server, "user" .. i)
      all[i]:cut()
      server:wait_log("user" .. i .. " @away")
    end
    for i = 1, 2 do
      all[i]:resume()
    end
    local late = server:connect { auth = false }
    late:expect("error", { code = "TRY_LATER" })
    for i = 1, 2 do
      all[i]:cut()
    end
    t.wait_until(function()
      return select(2, server:log():gsub("@away", "")) == 4
    end)
    server:connect { user = "late" }
  end)

  it("ends with a login of its user where there may be one only", function()
    local server = start { ["auth.sessions"] = "single" }
    local alice = sessions.open(server, "alice")
    alice:cut()
    server:wait_log "alice @away"
    alice:resume()
    alice:cut()
    t.wait_until(function()
      return select(2, server:log():gsub("@away", "")) == 2
    end)
    server:connect { user = "alice" }
    server:wait_log "alice @disconnect replaced"
  end)
end)

describe("@away and @back", function()
  it("come in turn, also when a client is lost while @away waits", function()
    local server = t.server { scripts = { ["main.lua"] = [[
      local perigee = require "perigee"
      return {
        echo = function(_, data) return data end,
        ["@away"] = function()
          perigee.log.info "begins: away"
          perigee.sleep(0.3)
          perigee.log.info "news: away"
        end,
        ["@back"] = function() perigee.log.info "news: back" end,
      }
    ]] } }
    local alice = sessions.open(server, "alice")
    for _ = 1, 2 do
      alice:cut()
      server:wait_log "begins: away"
      assert.is_true(alice:resume().session.resumed)
    end
    assert.equal(1, alice:request("echo", 1))
    local news
    t.wait_until(function() -- the log is written a moment later
      news = {}
      for word in server:log():gmatch "news: (%w+)" do
        news[#news + 1] = word
      end
      return #news % 2 == 0
    end)
    for i, word in ipairs(news) do
      assert.equal(i % 2 == 1 and "away" or "back", word, table.concat(news, " "))
    end
  end)
end)
