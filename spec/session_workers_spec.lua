-- SPDX-License-Identifier: MIT
-- Several workers: a client that comes back may come to any of them.
local certificate = require "spec.support.certificate"
local Client = require "perigee.testing_client"
local deflate = require "spec.support.deflate"
local http_tls = require "http.tls"
local raw = require "spec.support.raw"
local sessions = require "spec.support.sessions"
local t = require "perigee.testing"
local x509 = require "openssl.x509"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    note = function(client, data)
      local list = client.state.notes or {}
      list[#list + 1] = data
      client.state.notes = list
    end,
    notes = function(client) return client.state.notes or {} end,
    tell = function(_, data)
      return perigee.send_to_user(data.user, { type = "told", data = data.n })
    end,
    say = function(_, data)
      return (perigee.send_to_room("r", { type = "said", data = data }))
    end,
    see = function(_, user)
      local list = {}
      for i, client in ipairs(perigee.clients_of(user)) do
        list[i] = { away = client.is_away, role = client.claims.role, ip = client.ip }
      end
      return { worker = perigee.worker, clients = list }
    end,
    who = function(client)
      return { id = client.id, worker = perigee.worker, rooms = client:rooms() }
    end,
    ["@connect"] = function(client) perigee.log.info(client.user_id .. " @connect") end,
    ["@auth"] = function(client, claims) perigee.log.info("@auth " .. claims.sub) end,
    ["@back"] = function(client) perigee.log.info(client.user_id .. " @back") end,
    ["@disconnect"] = function(client, reason)
      perigee.log.info(client.user_id .. " @disconnect " .. reason)
    end,
  }
]]

local function start(options)
  local all = { workers = 4, ["limits.messages_per_s"] = 0, ["limits.per_ip"] = 0,
    ["log.level"] = "debug", ["limits.handshakes_per_ip"] = 0 }
  for key, value in pairs(options or {}) do
    all[key] = value
  end
  local server = t.server { scripts = { ["main.lua"] = SCRIPT }, options = all,
    no_wait = all["tls.cert"] } -- the kit waits for http://
  server.port = server:wait_log "ready on https?://127%.0%.0%.1:(%d+)"
  return server
end

-- How many connections went to another worker so far.
local function moves(server)
  return select(2, server:log():gsub("goes to worker", ""))
end

local function count(server, part)
  return select(2, server:log():gsub(part, ""))
end

-- Everybody is cut and comes back, until many have come to another worker than
-- that of their session.
local function blink(server, connect)
  local everyone, rounds = {}, 0
  for i = 1, 6 do
    everyone[i] = sessions.open(server, "user" .. i, { connect = connect })
    everyone[i]:join "r"
    everyone[i].first = everyone[i]:request "who"
  end
  repeat
    rounds = rounds + 1
    for i, session in ipairs(everyone) do
      local neighbour = everyone[i % #everyone + 1]
      session:send("note", rounds)
      assert.equal(1, neighbour:request("tell", { user = session.user, n = rounds }))
      if rounds % 3 == 0 then session:ack() end
      if rounds % 2 == 0 then session:cut() end -- else it looks alive still
      assert.equal(#everyone, neighbour:request("say", rounds))
      session:resume()
    end
  until moves(server) >= 20 and rounds >= 5
  local expected = {}
  for n = 1, rounds do
    expected[n] = n
  end
  for _, session in ipairs(everyone) do
    for n = 1, rounds do
      assert.equal(n, session:expect("told").data)
      for _ = 1, #everyone do
        assert.equal(n, session:expect("said").data)
      end
    end
    assert.same(expected, session:request "notes")
    assert.same(session.first, session:request "who")
    assert.equal(session.sent, session:told())
    session:expect_nothing()
  end
  assert.equal(#everyone, count(server, "@connect"))
end

describe("A session among four workers", function()
  it("is resumed wherever its client comes to", function()
    blink(start())
  end)

  it("is resumed over TLS", function()
    local dir = io.popen("mktemp -d"):read "l"
    finally(function() os.execute("rm -rf '" .. dir .. "'") end)
    local cert, key = certificate(dir)
    local context = http_tls.new_client_context()
    local file <close> = assert(io.open(cert, "rb"))
    context:getStore():add(x509.new(file:read "a", "PEM"))
    blink(start { ["tls.cert"] = cert, ["tls.key"] = key }, function(server)
      local url = ("wss://localhost:%s/ws"):format(server.port)
      local client = assert(Client.new(url, nil, context))
      client.timeout = t.timeout
      table.insert(server.clients, client)
      return client
    end)
  end)

  it("goes on with what stands behind the auth, in the same write", function()
    local server = start()
    local alice = sessions.open(server, "alice")
    local n = 0
    local received = alice.received
    repeat
      local before = moves(server)
      local peer = raw.connect(server)
      local parts = { raw.handshake, raw.frame(t.encode { type = "auth",
        data = { token = server:token { sub = "alice" },
          session = { id = alice.id, received = received } } }) }
      for _ = 1, 10 do
        n = n + 1
        parts[#parts + 1] = raw.frame(t.encode { type = "note", data = n })
      end
      local last = raw.frame(t.encode { type = "note", data = n + 1 })
      peer:write(table.concat(parts) .. last:sub(1, 11)) -- the rest comes later
      t.wait_until(function()
        return count(server, "alice @back") == n // 11 + 1
      end)
      n = n + 1
      peer:write(last:sub(12), raw.frame(t.encode { type = "ping" }))
      local bytes = ""
      repeat -- all have been handled when this is answered
        bytes = bytes .. assert(peer:read(-4096))
      until bytes:find('"pong"', 1, true)
      assert.matches('"resumed":true', bytes, 1, true)
    until moves(server) > before and n > 40
    alice:ask()
    local expected = {}
    for i = 1, n do
      expected[i] = i
    end
    assert.same(expected, alice:request "notes")
  end)

  it("is seen by all of them as it is now", function()
    local server = start { ["proxy.trusted"] = "127.0.0.1" }
    local address = "192.0.2.1"
    local alice = sessions.open(server, "alice", { connect = function()
      return server:connect { auth = false, headers = { ["x-forwarded-for"] = address } }
    end })
    local watchers, workers = {}, {}
    repeat
      local watcher = server:connect("watcher" .. #watchers)
      watchers[#watchers + 1] = watcher
      workers[watcher:request("see", "alice").worker] = watcher
    until workers[1] and workers[2] and workers[3] and workers[4] or #watchers == 40
    local function seen(expected)
      for _, watcher in pairs(workers) do
        assert.same({ expected }, watcher:request("see", "alice").clients)
      end
    end
    seen { away = false, ip = "192.0.2.1" }
    alice.client:auth(server:token { sub = "alice", role = "guest" })
    seen { away = false, ip = "192.0.2.1", role = "guest" }
    alice:cut()
    server:wait_log "user=alice is away"
    seen { away = true, ip = "192.0.2.1", role = "guest" }
    address = "192.0.2.2"
    alice.token = server:token { sub = "alice", role = "admin" }
    alice:resume()
    seen { away = false, ip = "192.0.2.2", role = "admin" }
  end)

  it("that nobody has is refused by the worker that would have it", function()
    local server = start()
    for i = 1, 10 do
      local alice = sessions.open(server, "alice" .. i)
      alice:request("note", 1)
      alice:cut()
      local last = alice.id:sub(-2, -2) == "A" and "B" or "A"
      alice:ask(0, alice.id:sub(1, -3) .. last .. alice.id:sub(-1))
      assert.is_false(alice.info.resumed)
      for n = 1, 5 do
        alice:send("note", n)
      end
      assert.same({ 1, 2, 3, 4, 5 }, alice:request "notes")
      assert.equal(6, alice:told())
      t.wait_until(function() -- the log is written a moment later
        return count(server, "alice" .. i .. " @connect") == 2
          and count(server, "@auth alice" .. i .. "\n") == 2
      end)
    end
    assert.is_true(moves(server) > 0)
  end)

  it("that is over is looked for nowhere else", function()
    local server = start()
    local mallory = sessions.open(server, "mallory")
    for i = 1, 10 do
      local alice = sessions.open(server, "alice" .. i)
      local id = alice.id
      mallory:cut()
      mallory:ask(0, id) -- of somebody else
      assert.is_false(mallory.info.resumed)
      alice:close(1000)
      server:wait_log(("alice%d @disconnect closed"):format(i))
      alice:ask()
      assert.is_false(alice.info.resumed)
    end
    assert.equal(0, moves(server))
  end)

  it("leaves the place of its client as it is on the way", function()
    local server = start { ["limits.per_ip"] = 2, ["limits.per_user"] = 0 }
    local other = server:connect "other"
    local alice = sessions.open(server, "alice")
    for i = 1, 20 do
      alice:cut()
      t.wait_until(function() return count(server, "user=alice is away") == i end)
      local last = alice.id:sub(-2, -2) == "A" and "B" or "A"
      assert.is_false(alice:ask(0, alice.id:sub(1, -3) .. last .. alice.id:sub(-1))
        .session.resumed)
    end
    assert.is_true(moves(server) > 0)
    other:request("see", "alice")
    assert.equal(0, count(server, "TRY_LATER"))
  end)

  it("goes on with compression, or without, as the new connection wants",
    function()
      local server = start { ["deflate.enabled"] = "true",
        ["deflate.threshold"] = 10 }
      local alice = sessions.open(server, "alice")
      alice:request("tell", { user = "alice", n = ("x"):rep(1000) })
      alice:cut()
      for _ = 1, 12 do
        local peer = deflate.connect(server)
        peer:send { type = "auth", data = { token = server:token { sub = "alice" },
          session = { id = alice.id, received = 0 } } }
        assert.is_true(peer:expect("auth_ok").data.session.resumed)
        local message, compressed = peer:expect "told"
        assert.equal(("x"):rep(1000), message.data)
        assert.is_true(compressed)
        peer:write(deflate.frame(t.encode { type = "note", data = ("y"):rep(50) }))
        peer:send { type = "ping" }
        peer:expect "pong"
        peer:drop()
      end
      assert.is_true(moves(server) > 0)
      alice:ask(0)
      assert.equal(("x"):rep(1000), alice:expect("told").data)
      assert.equal(12, #alice:request("notes", nil, "another id"))
    end)

  it("ends with the process while its clients come and go", function()
    local server = start { ["shutdown.drain_s"] = 0.3 }
    local everyone = {}
    for i = 1, 12 do
      everyone[i] = sessions.open(server, "user" .. i)
      everyone[i]:cut()
    end
    for i = 1, 6 do
      everyone[i]:resume()
    end
    server:signal "TERM"
    assert.equal(0, server:stop(false))
  end)
end)
