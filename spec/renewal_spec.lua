-- SPDX-License-Identifier: MIT
-- A reload reads the configuration again, all or nothing with the scripts.
local admin = require "spec.support.admin"
local cli = require "spec.support.cli"
local http = require "spec.support.http"
local t = require "perigee.testing"

local script = [[
local perigee = require "perigee"
return {
  echo = function(_, data) return data end,
  vars = function() return perigee.config end,
  worker = function() return perigee.worker end,
  compute = function()
    local n = 0
    while true do n = n + 1 end
  end,
  fill = function(_, size) return #(("x"):rep(size) .. "y") end,
  wait = function() perigee.sleep(600) end,
}]]

local folder, server

local function configure(text)
  local file <close> = assert(io.open(folder .. "/perigee.cfg.lua", "wb"))
  file:write(text)
end

-- options: flags, which win over the file and so must not be in it.
local function start(text, options)
  folder, options = cli.folder(), options or {}
  options["heartbeat.interval_s"] = false
  configure(text)
  server = t.server {
    dir = folder,
    scripts = { ["main.lua"] = script },
    options = options,
  }
end

-- Writes the file and reloads; returns the answer.
local function renew(text)
  configure(text)
  local answer, status = admin.reload(server)
  assert.equal(200, status, answer.message)
  return answer
end

describe("A reload of the configuration", function()
  after_each(function()
    server:stop()
    cli.cleanup()
  end)

  it("brings vars", function()
    start "vars = { motd = 'one' }"
    local alice = server:connect "alice"
    assert.same({ motd = "one" }, alice:request "vars")
    local answer = renew "vars = { motd = 'two', list = { 1, 2 } }"
    assert.same({ "vars" }, answer.options)
    assert.same({}, answer.restart)
    assert.same({ motd = "two", list = { 1, 2 } }, alice:request "vars")
    server:wait_log "info +options have changed: vars"
  end)

  it("says nothing when it is the same", function()
    local text = "vars = { a = 1, b = 2, c = 3, d = { e = 4 } } "
      .. "limits = { burst = 50 }"
    start(text)
    for _ = 1, 5 do -- the members of vars have no order
      local answer = renew(text)
      assert.same({}, answer.options)
      assert.same({}, answer.restart)
    end
    assert.not_matches("options have changed", server:log())
  end)

  it("brings origins", function()
    start "origins = { 'https://a.example' }"
    local function status(origin)
      return (http.get(server.port, "/ws", "Origin: " .. origin,
        http.upgrade()))
    end
    assert.equal(101, status "https://a.example")
    assert.equal(403, status "https://b.example")
    renew "origins = { 'https://b.example' }"
    assert.equal(403, status "https://a.example")
    assert.equal(101, status "https://b.example")
  end)

  it("brings limits for those who are there", function()
    start "limits = { rooms_per_connection = 1, message_bytes = 2000 }"
    local alice = server:connect "alice"
    alice:join "one"
    assert.equal("LIMIT_EXCEEDED", (alice:fails("join", { room = "two" })))
    renew "limits = { rooms_per_connection = 2, message_bytes = 4000 }"
    alice:join "two"
    assert.equal(3000, #alice:request("echo", ("x"):rep(3000)))
    renew "limits = { rooms_per_connection = 2, message_bytes = 2000 }"
    alice:send("echo", ("x"):rep(3000))
    alice:expect_close(4507)
  end)

  it("brings the number of connections of a user, and of an address",
    function()
      start "limits = { per_user = 1 }"
      local phone = server:connect "alice"
      local other = server:connect { auth = false }
      other:send("auth", { token = server:token { sub = "alice" } })
      t.wait_until(function() -- the phone shows that it lives
        phone:request("echo", 1)
        return server:log():find("alice has too many connections", 1, true)
      end)
      other:expect_close(4504)
      renew "limits = { per_user = 2 }"
      local laptop = server:connect "alice"
      assert.same({ 1, 2 },
        { phone:request("echo", 1), laptop:request("echo", 2) })
      renew "limits = { per_user = 2, per_ip = 2 }"
      assert.equal("TRY_LATER",
        server:connect({ auth = false }):expect("error").data.code)
    end)

  it("brings the rate of handshakes", function()
    start "limits = { handshakes_per_s = 1, handshakes_burst = 1 }"
    local function refused()
      for _ = 1, 5 do
        if http.get(server.port, "/ws", http.upgrade()) == 503 then
          return true
        end
      end
    end
    assert.is_true(refused())
    renew "limits = { handshakes_per_s = 0 }"
    assert.is_nil(refused())
  end)

  it("brings the time that the end takes", function()
    start("shutdown = { drain_s = 3600 }", { ["shutdown.drain_s"] = false })
    server:connect "alice"
    renew "shutdown = { drain_s = 0 }"
    assert.equal(0, server:stop())
  end)

  it("brings rates", function()
    start("limits = { messages_per_s = 1, burst = 3 }",
      { ["limits.messages_per_s"] = false, ["limits.burst"] = false })
    local alice = server:connect "alice"
    local function refused()
      local count = 0
      for i = 1, 10 do
        local _, code = alice:try("echo", i)
        count = count + (code == "RATE_LIMITED" and 1 or 0)
      end
      return count
    end
    assert.is_true(refused() > 5)
    renew "limits = { messages_per_s = 1000000, burst = 1000000 }"
    t.wait_until(function() return refused() == 0 end)
  end)

  it("brings the bytes that may wait for a slow client", function()
    start ""
    local alice = server:connect "alice"
    assert.equal(9000, #alice:request("echo", ("x"):rep(9000)))
    renew "limits = { queue_bytes = '8KiB' }"
    assert.equal("TOO_LARGE", (alice:fails("echo", ("x"):rep(9000))))
  end)

  it("brings deadlines and the heartbeat", function()
    start "auth = { timeout_s = 600 } heartbeat = { interval_s = 600 }"
    local quiet = server:connect "alice"
    renew "auth = { timeout_s = 0.1 } heartbeat = { interval_s = 0.1 }"
    server:connect({ auth = false }):expect_close(4006)
    renew "auth = { timeout_s = 600 } heartbeat = { interval_s = 0.1 }"
    assert.equal(100, server:connect("bob").info.ping_ms)
    assert.is_true(quiet.info.ping_ms > 100)
  end)

  it("brings what a script may use", function()
    start "script = { burst_ms = 60000, memory_mb = 64, drain_s = 600 }"
    local alice, bob = server:connect "alice", server:connect "bob"
    assert.equal(16000001, alice:request("fill", 16000000))
    bob:send("wait", nil, 1)
    renew "script = { burst_ms = 50, memory_mb = 8, drain_s = 0 }"
    assert.equal("UNAVAILABLE", bob:expect("error").data.code)
    assert.equal("HANDLER_TIMEOUT", (alice:fails "compute"))
    assert.equal("HANDLER_ERROR", (alice:fails("fill", 16000000)))
  end)

  it("brings where tokens are taken from", function()
    start ""
    local function connect()
      return server:connect { auth = false, headers = {
        authorization = "Bearer " .. server:token { sub = "alice" },
      } }
    end
    local before = connect()
    assert.equal("UNAUTHENTICATED", (before:fails("echo", 1)))
    renew "auth = { header = true }"
    assert.equal("alice", connect():expect("auth_ok").data.user)
  end)

  it("brings keys, all or nothing", function()
    local secrets = { ("a"):rep(32), ("b"):rep(32) }
    local function with(secret, more)
      return ("auth = { secret = %q } %s"):format(secret, more or "")
    end
    start(with(secrets[1]), { ["auth.secret"] = false })
    server.secret = secrets[1]
    local alice = server:connect "alice"
    assert.same({ "auth.secret" }, renew(with(secrets[2])).options)
    assert.has_error(function() server:connect "bob" end)
    server.secret = secrets[2]
    server:connect "bob"
    assert.equal(1, alice:request("echo", 1)) -- who is in stays

    configure(with(secrets[1], "limits = { burst = 0 }"))
    assert.equal(422, (select(2, admin.reload(server))))
    configure(with "too short")
    local answer, status = admin.reload(server)
    assert.equal(422, status)
    assert.matches("auth.secret: 9 bytes are too short", answer.message, 1,
      true)
    server:connect "bob"
    assert.not_matches(secrets[1], server:log(), 1, true)
  end)

  it("brings the level of the log", function()
    start("log = { level = 'error' }", { ["log.level"] = false })
    local line = "authenticated"
    server:connect "alice"
    renew "log = { level = 'info' }"
    server:connect "bob"
    server:wait_log("user=bob[^\n]*" .. line)
    assert.not_matches("user=alice[^\n]*" .. line, server:log())
  end)

  it("tells what takes a restart, and changes the rest", function()
    start "workers = 1 vars = { a = 1 }"
    local answer = renew
      "workers = 2 public = '/tmp' vars = { a = 2 } limits = { store_mb = 9 }"
    assert.same({ "vars" }, answer.options)
    table.sort(answer.restart)
    assert.same({ "limits.store_mb", "public", "workers" }, answer.restart)
    server:wait_log "warn +options have changed that need a restart: "
    assert.same({ a = 2 }, server:connect("alice"):request "vars")
    -- It is told each time: it still is so.
    assert.equal(3, #admin.reload(server).restart)
  end)

  it("lets flags win, as at the start", function()
    start("limits = { rooms_per_connection = 5 }",
      { ["limits.rooms_per_connection"] = 1 })
    assert.same({}, renew("limits = { rooms_per_connection = 9 }").options)
    local alice = server:connect "alice"
    alice:join "one"
    assert.equal("LIMIT_EXCEEDED", (alice:fails("join", { room = "two" })))
  end)

  for what, case in pairs {
    ["is no Lua"] = { "\nlimits = {", 2, "expected" },
    ["has an unknown option"] = { "\n\nlimits = { brst = 1 }", 3, "brst" },
    ["has a value out of range"] = { "limits = { burst = 0 }", 1, "burst" },
  } do
    it("changes nothing when the file " .. what, function()
      start "vars = { a = 1 }"
      local alice = server:connect "alice"
      server:write("main.lua", "return {}")
      configure("vars = { a = 2 }" .. case[1])
      local answer, status = admin.reload(server)
      assert.equal(422, status)
      assert.is_false(answer.ok)
      assert.equal("perigee.cfg.lua", answer.file)
      assert.equal(case[2], answer.line)
      assert.matches(case[3], answer.message, 1, true)
      assert.same({ a = 1 }, alice:request "vars")
      assert.equal(1, admin.metric(server, "perigee_reloads_failed_total"))
    end)
  end

  it("changes nothing when what options say together is wrong", function()
    start ""
    configure "auth = { cookie = 'a b' }"
    local answer, status = admin.reload(server)
    assert.equal(422, status)
    assert.matches("auth.cookie", answer.message, 1, true)
    assert.equal(200, (select(2, (function()
      configure ""
      return admin.reload(server)
    end)())))
  end)

  it("changes nothing when a script is no good", function()
    start "vars = { a = 1 } limits = { rooms_per_connection = 1 }"
    local alice = server:connect "alice"
    server:write("main.lua", "return {")
    configure "vars = { a = 2 } limits = { rooms_per_connection = 2 }"
    assert.equal(422, (select(2, admin.reload(server))))
    alice:join "one"
    assert.equal("LIMIT_EXCEEDED", (alice:fails("join", { room = "two" })))
    assert.same({ a = 1 }, alice:request "vars")
    server:write("main.lua", script)
    local answer = renew "vars = { a = 2 } limits = { rooms_per_connection = 2 }"
    table.sort(answer.options)
    assert.same({ "limits.rooms_per_connection", "vars" }, answer.options)
    alice:join "two"
    assert.same({ a = 2 }, alice:request "vars")
  end)

  it("is only looked at with check=1", function()
    start "vars = { a = 1 }"
    local alice = server:connect "alice"
    configure "vars = { a = 2 } workers = 3"
    local answer = admin.reload(server, "?check=1")
    assert.same({ "vars" }, answer.options)
    assert.same({ "workers" }, answer.restart)
    assert.same({ a = 1 }, alice:request "vars")
    configure "vars = {"
    local _, status = admin.reload(server, "?check=1")
    assert.equal(422, status)
  end)

  it("is printed by perigee reload", function()
    start "vars = { a = 1 }"
    configure "vars = { a = 2 } watch = true"
    local status, out, problem = cli.run { "reload",
      "--admin=" .. server.admin }
    assert.equal(0, status, problem)
    assert.matches("options +vars\n", out)
    assert.matches("restart +watch\n", out)
  end)

  it("keeps the key that development mode has made", function()
    folder = cli.folder()
    configure ""
    server = t.server { dir = folder, mode = "dev",
      scripts = { ["main.lua"] = script },
      options = { ["auth.secret"] = false } }
    local token = server:wait_log "(eyJ[%w_-]+%.[%w_-]+%.[%w_-]+)"
    local answer = renew "vars = { a = 1 }"
    assert.same({ "vars" }, answer.options)
    assert.same({ a = 1 }, server:connect({ token = token }):request "vars")
  end)
end)

describe("A reload of the configuration with several workers", function()
  it("reaches all of them, under load", function()
    start("workers = 4 vars = { n = 0 }", { workers = false })
    finally(cli.cleanup)
    local clients, seen = {}, {}
    for i = 1, 40 do
      clients[i] = server:connect("user" .. i)
      seen[clients[i]:request "worker"] = true
    end
    for n = 1, 20 do
      for i, client in ipairs(clients) do client:send("echo", i, i) end
      renew(("workers = 4 vars = { n = %d } limits = { per_user = %d }")
        :format(n, n + 1))
      for i, client in ipairs(clients) do
        repeat local answer = client:expect "reply" until answer.id == i
      end
    end
    for _, client in ipairs(clients) do
      assert.same({ n = 20 }, client:request "vars")
    end
    assert.is_truthy(next(seen, next(seen)), "one worker had all of them")
  end)
end)
