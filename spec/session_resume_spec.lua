-- SPDX-License-Identifier: MIT
-- A client with a session comes back on another connection, and goes on.
local raw = require "spec.support.raw"
local sessions = require "spec.support.sessions"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  local gates = {}
  return {
    echo = function(_, data) return data end,
    note = function(client, data)
      local list = client.state.notes or {}
      list[#list + 1] = data
      client.state.notes = list
    end,
    notes = function(client) return client.state.notes end,
    say = function(_, data)
      return (perigee.send_to_room(data.room, { type = "said", data = data.text }))
    end,
    tell = function(_, data)
      return perigee.send_to_user(data.user, { type = "told", data = data.text })
    end,
    tell_many = function(_, data)
      for i = data.from, data.to do
        perigee.send_to_user(data.user, { type = "told", data = i })
      end
    end,
    log = function(_, data) perigee.log.info(data) end,
    go_away = function(client) client:close(4004) end,
    slowly = function(_, data) perigee.sleep(data.s) return data.text end,
    until_away = function(client, data)
      while not client.is_away do perigee.sleep(0.005) end
      return data
    end,
    until_free = function(_, data)
      while not perigee.store.get "free" do perigee.sleep(0.005) end
      return data
    end,
    free = function() perigee.store.set("free", true) end,
    who = function(client)
      return { id = client.id, rooms = client:rooms(), away = client.is_away,
        open = client:is_open(), role = client.claims.role, user = client.user_id }
    end,
    see = function(_, user)
      local client = perigee.clients_of(user)[1]
      return client and { open = client:is_open(),
        online = perigee.is_online(user) } or false
    end,
    ["@connect"] = function(client) perigee.log.info(client.user_id .. " @connect") end,
    ["@auth"] = function(client) perigee.log.info("@auth " .. client.user_id) end,
    ["@away"] = function(client, reason)
      perigee.log.info(client.user_id .. " @away " .. reason
        .. (client.is_away and " is_away" or ""))
    end,
    ["@back"] = function(client) perigee.log.info(client.user_id .. " @back") end,
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
  options["limits.messages_per_s"] = options["limits.messages_per_s"] or 0
  return t.server { scripts = { ["main.lua"] = SCRIPT }, options = options }
end

local function count(text, part)
  return select(2, text:gsub(part:gsub("%p", "%%%0"), ""))
end

describe("A session that is resumed", function()
  local server, other

  before_each(function()
    server = start()
    other = server:connect { user = "other" }
  end)

  it("is the same client, with rooms, state and id", function()
    local alice = sessions.open(server, "alice")
    local before = alice:request "who"
    alice:join "r"
    alice:request("note", 1)
    alice:cut()
    server:wait_log "alice @away disconnected is_away"
    assert.same({ open = true, online = true },
      other:request("see", "alice"))
    local info = alice:resume()
    assert.is_true(info.session.resumed)
    assert.equal(before.id, info.conn)
    server:wait_log "alice @back"
    local after = alice:request "who"
    assert.equal(before.id, after.id)
    assert.same({ "r" }, after.rooms)
    assert.is_false(after.away)
    assert.same({ 1 }, alice:request "notes")
    assert.equal(1, count(server:log(), "alice @connect"))
    assert.equal(1, count(server:log(), "@auth alice"))
    assert.is_nil(server:log():find("alice @disconnect", 1, true))
  end)

  it("gets what it has missed, in order, then live messages", function()
    local alice = sessions.open(server, "alice")
    alice:join "r"
    assert.equal(1, other:request("say", { room = "r", text = "before" }))
    alice:expect "said"
    alice:cut()
    server:wait_log "alice @away"
    for i = 1, 20 do
      assert.equal(1, other:request("say", { room = "r", text = i }))
      assert.equal(1, other:request("tell", { user = "alice", text = -i }))
    end
    alice:resume()
    other:request("say", { room = "r", text = "live" })
    for i = 1, 20 do
      assert.equal(i, alice:expect("said").data)
      assert.equal(-i, alice:expect("told").data)
    end
    assert.equal("live", alice:expect("said").data)
    alice:expect_nothing()
    assert.equal(42 + 1, alice.received) -- the reply to join, too
  end)

  it("gets once more only what it had not received", function()
    local alice = sessions.open(server, "alice")
    other:request("tell_many", { user = "alice", from = 1, to = 10 })
    for i = 1, 4 do
      assert.equal(i, alice:expect("told").data)
    end
    alice:cut()
    server:wait_log "alice @away"
    alice.client.inbox = {}
    alice.received = 4
    alice:resume()
    for i = 5, 10 do
      assert.equal(i, alice:expect("told").data)
    end
    alice:expect_nothing()
  end)

  it("handles each of its messages once, and in order", function()
    local alice = sessions.open(server, "alice")
    for i = 1, 5 do
      alice:send("note", i)
    end
    alice:sync()
    alice:cut()
    -- These were sent into a connection that was dead already.
    for i = 6, 9 do
      alice.sent = alice.sent + 1
      alice.kept[alice.sent] = t.encode { type = "note", data = i }
    end
    server:wait_log "alice @away"
    assert.equal(5, alice:resume().session.received)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, alice:request "notes")
    assert.equal(alice.sent, alice:told())
  end)

  it("gets the replies of handlers that ran meanwhile", function()
    local alice = sessions.open(server, "alice")
    alice:send("until_free", "late", 7)
    alice:send("echo", "behind", 8)
    alice:sync()
    alice:cut()
    server:wait_log "is away"
    alice:resume()
    other:request "free"
    assert.equal("late", alice:expect("reply").data)
    assert.equal("behind", alice:expect("reply").data)
    server:wait_log "alice @away disconnected\n.*alice @back"
    assert.is_nil(server:log():find("@away disconnected is_away", 1, true))
  end)

  it("handles what waits for it while it is away", function()
    local alice = sessions.open(server, "alice")
    alice:send("until_away", "late", 7)
    alice:send("note", "waited")
    alice:send("echo", "behind", 8)
    alice:sync()
    alice:cut()
    server:wait_log "alice @away disconnected is_away" -- after the handler
    alice:resume()
    assert.equal("late", alice:expect("reply").data)
    assert.equal("behind", alice:expect("reply").data)
    assert.same({ "waited" }, alice:request "notes")
  end)

  it("is told that it is away by the last message that waited", function()
    local alice = sessions.open(server, "alice")
    alice:send("slowly", { s = 0.1, text = "late" }, 7)
    alice:send "go_away"
    alice.client:expect_close(4004)
    server:wait_log "alice @away reconnect is_away"
    alice:resume()
    server:wait_log "alice @back"
  end)

  it("handles what waited behind the loss after @away", function()
    local alice = sessions.open(server, "alice")
    alice:send("slowly", { s = 0.1, text = "late" }, 7)
    alice:send "go_away"
    alice:send("log", "behind")
    alice.client:expect_close(4004)
    server:wait_log "alice @away reconnect is_away\n.*behind"
  end)

  it("may be cut and resumed again and again", function()
    local alice = sessions.open(server, "alice")
    local id = alice.id
    for round = 1, 20 do
      other:request("tell", { user = "alice", text = round })
      alice:send("note", round)
      if round % 3 == 0 then alice:sync() end
      if round % 4 == 0 then alice:ack() end
      alice:cut()
      alice:resume()
      assert.equal(id, alice.id)
    end
    for round = 1, 20 do
      assert.equal(round, alice:expect("told").data)
    end
    assert.equal(20, #alice:request "notes")
    alice:expect_nothing()
  end)

  it("has the claims of the new token", function()
    local alice = sessions.open(server, "alice",
      { token = server:token { sub = "alice", role = "guest" } })
    assert.equal("guest", alice:request("who").role)
    alice:cut()
    alice.token = server:token { sub = "alice", role = "admin" }
    alice:resume()
    assert.equal("admin", alice:request("who").role)
  end)

  it("takes the place of a connection that looks alive still", function()
    local alice = sessions.open(server, "alice")
    alice:join "r"
    local old = alice.client
    other:request("tell", { user = "alice", text = "unseen" })
    alice:resume()
    assert.equal("unseen", alice:expect("told").data)
    assert.equal(1, other:request("say", { room = "r", text = "x" }))
    assert.equal("x", alice:expect("said").data)
    assert.equal("resumed", old:expect_close(4004))
    server:wait_log "alice @back"
    assert.is_nil(server:log():find("alice @away", 1, true))
    assert.same({ "r" }, alice:request("who").rooms)
  end)

  it("is left alone by a request that comes late", function()
    local alice = sessions.open(server, "alice")
    other:request("tell", { user = "alice", text = "one" })
    alice:expect "told"
    alice.client:send("pong", { received = alice.received })
    alice:request "who" -- the pong has been read
    local late = server:connect { auth = false }
    late:send("auth", { token = server:token { sub = "alice" },
      session = { id = alice.id, received = 0 } })
    assert.is_false(late:expect("auth_ok").data.session.resumed)
    assert.same({}, alice:request("who").rooms)
  end)

  it("goes on with what stands behind the auth, in the same write", function()
    local alice = sessions.open(server, "alice")
    alice:request("note", 1)
    alice:cut()
    server:wait_log "alice @away"
    local peer = raw.connect(server)
    local parts = { raw.handshake, raw.frame(t.encode { type = "auth",
      data = { token = server:token { sub = "alice" },
        session = { id = alice.id, received = alice.received } } }) }
    for i = 2, 40 do
      parts[#parts + 1] = raw.frame(t.encode { type = "note", data = i })
    end
    local last = raw.frame(t.encode { type = "notes", id = 1 })
    parts[#parts + 1] = last:sub(1, 9) -- the rest comes later
    peer:write(table.concat(parts))
    server:wait_log "alice @back"
    peer:write(last:sub(10))
    local bytes = raw.read_until(peer, ",38,39,40]")
    assert.matches('"resumed":true,"received":1}', bytes, 1, true)
    assert.matches(t.encode { 1, 2, 3, 4, 5 }:sub(1, -2), bytes, 1, true)
    peer:write(raw.frame("\3\232", { opcode = 8 }))
    raw.read_to_end(peer)
  end)
end)

describe("A session that waits for a hook", function()
  it("is resumed with what stands behind the auth, in order", function()
    local server = t.server {
      scripts = { ["main.lua"] = SCRIPT, ["token.lua"] = [[
        local perigee = require "perigee"
        return { ["@token"] = function(_, token)
          perigee.sleep(0.1)
          return token
        end }
      ]] },
      options = { ["limits.messages_per_s"] = 0 },
    }
    local alice = sessions.open(server, "alice", { token = "alice" })
    alice:request("note", 1)
    alice:cut()
    server:wait_log "alice @away"
    local client = server:connect { auth = false }
    client:send("auth", { token = "alice",
      session = { id = alice.id, received = alice.received } })
    for i = 2, 9 do
      client:send("note", i)
    end
    client:send("notes", nil, 5)
    local info = client:expect("auth_ok").data.session
    assert.is_true(info.resumed)
    assert.equal(1, info.received)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, client:expect("reply").data)
    client:send "ping"
    assert.equal(10, client:expect("pong").data.received)
  end)
end)

describe("A session is refused", function()
  local server

  before_each(function()
    server = start { ["session.replay_bytes"] = 2048 }
  end)

  local function refused(session, ...)
    local info = session:ask(...)
    assert.is_false(info.session.resumed)
    assert.equal("number", type(info.session.keep_ms))
    session:request("echo", 1)
    return info
  end

  it("to another user", function()
    local alice = sessions.open(server, "alice")
    alice:cut()
    server:wait_log "alice @away"
    local mallory = sessions.open(server, "mallory")
    mallory:cut()
    local id = alice.id
    refused(mallory, 0, id)
    server:wait_log("user=mallory does not resume a session: "
      -- one of another worker is not looked at
      .. (os.getenv "PERIGEE_WORKERS" and "%a+" or "foreign"))
    assert.is_true(alice:resume().session.resumed)
  end)

  it("with another secret", function()
    local alice = sessions.open(server, "alice")
    alice:cut()
    local last = alice.id:sub(-2, -2) == "A" and "B" or "A"
    refused(alice, 0, alice.id:sub(1, -3) .. last .. alice.id:sub(-1))
    server:wait_log "does not resume a session: unknown"
  end)

  it("when too much is missing, and the old one ends", function()
    local alice = sessions.open(server, "alice")
    local other = server:connect { user = "other" }
    for _ = 1, 10 do
      other:request("tell", { user = "alice", text = ("x"):rep(500) })
    end
    alice:cut()
    server:wait_log "alice @away"
    refused(alice, 0)
    server:wait_log "does not resume a session: missing"
    server:wait_log "alice @disconnect lost"
    assert.equal(2, count(server:log(), "alice @connect"))
  end)

  it("when more was received than was sent", function()
    local alice = sessions.open(server, "alice")
    alice:cut()
    refused(alice, 1)
  end)

  it("when it is over", function()
    local alice = sessions.open(server, "alice")
    alice:close(1000)
    refused(alice)
    server:wait_log "alice @disconnect closed"
  end)
end)
