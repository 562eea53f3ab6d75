-- SPDX-License-Identifier: MIT
-- Events for the backend: what it hears, in which order, and what scripts are
-- answered.
local backend = require "spec.support.backend"
local cli = require "spec.support.cli"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    emit = function(client, data)
      local id, code, text = perigee.emit(data.type, data.data, data.opts)
      return { id = id, code = code, text = text }
    end,
    count = function(client, n)
      for i = 1, n do
        perigee.emit("counted", { n = i }, { user = client.user_id })
      end
      return n
    end,
    room = function(client, name) return client:join(name) end,
    out = function(client, name) return client:leave(name) end,
    kick = function(client) client:close(4500, "go") end,
  }
]]

local function types(events)
  local list = {}
  for i, event in ipairs(events) do
    list[i] = event.type
  end
  return list
end

-- Those of one user, in the order in which the backend took them.
local function of_user(events, user)
  local list = {}
  for _, event in ipairs(events) do
    if event.user == user then
      list[#list + 1] = event
    end
  end
  return list
end

describe("Events", function()
  local heard, folder

  before_each(function()
    heard = backend.start()
    folder = cli.folder()
  end)

  after_each(function()
    heard:stop()
    cli.cleanup()
  end)

  -- Each example may start it several times: the outbox stays.
  local function start(options, more)
    local opts = { scripts = { ["main.lua"] = SCRIPT },
      options = heard:options(folder .. "/events.db", options) }
    opts.options["limits.messages_per_s"] = 0
    opts.options["limits.bytes_per_s"] = 0
    opts.options["limits.per_ip"] = 0
    for name, value in pairs(more or {}) do
      opts[name] = value
    end
    return t.server(opts)
  end

  local function metric(server, name)
    local _, text = require("spec.support.http").get(
      server.admin:match "%d+$", "/metrics", "Connection: close")
    return tonumber(text:match("\nperigee_events_" .. name .. " ([%d.]+)"))
  end

  local function emit(client, type_, data, user)
    return client:request("emit", { type = type_, data = data,
      opts = user and { user = user } or nil })
  end

  it("tell of the first and the last device of a user", function()
    local server = start()
    local phone = server:connect "alice"
    local tablet = server:connect "alice"
    phone:finish()
    tablet:finish()
    heard:wait("user.offline", 1)
    server:stop()
    local seen = of_user(heard:seen(), "alice")
    local told = {}
    for _, event in ipairs(seen) do
      if event.type:match "^user" then
        assert.same({}, event.data)
        assert.equal("number", type(event.at))
        told[#told + 1] = event.type
      end
    end
    assert.same({ "user.online", "user.offline" }, told)
    assert.equal("user.online", seen[1].type)
    assert.equal("user.offline", seen[#seen].type)
  end)

  it("tell of connections and how they ended", function()
    local server = start()
    local alice = server:connect "alice"
    alice:send("kick")
    local ended = heard:wait("client.disconnected")[1]
    local began = heard:seen("client.connected")[1]
    assert.equal("127.0.0.1", began.data.ip)
    assert.equal("alice", began.user)
    assert.same({ conn = began.data.conn, ip = "127.0.0.1", code = 4500, reason = "go" },
      ended.data)
    assert.equal("alice", ended.user)
  end)

  it("tell of rooms with the first and without the last member", function()
    local server = start()
    local alice, bob = server:connect "alice", server:connect "bob"
    alice:request("room", "lobby")
    bob:request("room", "lobby")
    alice:request("out", "lobby")
    assert.same({ { room = "lobby" } }, { heard:wait("room.occupied")[1].data })
    bob:finish()
    local vacated = heard:wait("room.vacated")
    assert.equal(1, #vacated)
    assert.same({ room = "lobby" }, vacated[1].data)
    assert.is_nil(vacated[1].user)
  end)

  it("carry what scripts emit, with an id", function()
    local server = start()
    local alice = server:connect "alice"
    local data = { a = { 1, 2.5, "ü" }, b = t.null, c = {} }
    local first = emit(alice, "order.made", data, "alice").id
    local second = emit(alice, "a:b/c_d-1").id
    assert.not_equal(first, second)
    local made = heard:wait("order.made")[1]
    assert.equal(first, made.id)
    assert.equal("alice", made.user)
    assert.same(data, made.data)
    local other = heard:wait("a:b/c_d-1")[1]
    assert.equal(second, other.id)
    assert.is_nil(other.user)
    assert.equal(t.null, other.data)
  end)

  it("come in order, in batches", function()
    local server = start { ["events.batch"] = 20 }
    local alice, bob = server:connect "alice", server:connect "bob"
    alice:request("count", 250)
    bob:request("count", 250)
    heard:wait("counted", 500)
    for _, user in ipairs { "alice", "bob" } do
      local n = 0
      for _, event in ipairs(of_user(heard:seen "counted", user)) do
        n = n + 1
        assert.equal(n, event.data.n)
      end
      assert.equal(250, n)
    end
    local biggest = 0
    for _, size in ipairs(heard:batches()) do
      biggest = math.max(biggest, size)
    end
    assert.equal(20, biggest)
  end)

  it("are chosen by type", function()
    local server = start { ["events.types"] = "user.online,order.*" }
    local alice = server:connect "alice"
    assert.equal(false, emit(alice, "other.thing").id)
    assert.truthy(emit(alice, "order.made").id)
    alice:finish()
    server:stop()
    assert.same({ "user.online", "order.made" }, types(heard:seen()))
  end)

  it("refuse what is no event", function()
    local server = start()
    local alice = server:connect "alice"
    local function fails(data)
      assert.equal("HANDLER_ERROR", alice:fails("emit", data))
    end
    fails { type = "" }
    fails { type = ("x"):rep(129) }
    fails { type = "user.online" }
    fails { type = "client.mine" }
    fails { type = "room.mine" }
    fails { type = "with space" }
    fails { type = 5 }
    fails { type = "ok", opts = { usr = "alice" } }
    fails { type = "ok", opts = { user = 5 } }
    fails { type = "ok", opts = { user = "" } }
    fails { type = "ok", opts = { user = ("x"):rep(129) } }
    fails { type = "ok", opts = "alice" }
    server:wait_log "main.lua:4: [^\n]*are the server's own"
    server:wait_log "there is no option 'usr'"
    assert.same({}, heard:seen "ok")
  end)

  it("are of no use while scripts are loaded", function()
    local ok, why = pcall(start, {}, { scripts = { ["main.lua"] =
      [[require("perigee").emit("early") return {}]] } })
    assert.is_false(ok)
    assert.truthy(tostring(why):find("main.lua:1", 1, true))
  end)

  it("cost nothing and say so where nobody hears them", function()
    local server = start { ["events.url"] = "" }
    local alice = server:connect "alice"
    local answer = emit(alice, "order.made")
    assert.equal("UNAVAILABLE", answer.code)
    assert.truthy(answer.text:find "events.url")
    assert.is_nil(metric(server, "waiting"))
    assert.is_nil(io.open(folder .. "/events.db"))
  end)

  it("of a user whose session waits come with its end", function()
    local server = start()
    local alice = server:connect { user = "alice", session = true }
    local bob = server:connect "bob"
    alice:drop()
    server:wait_log "user=alice is away"
    emit(bob, "between")
    heard:wait "between"
    assert.same({}, heard:seen "user.offline")
    alice:finish()
    local offline = heard:wait "user.offline"
    assert.equal("alice", offline[1].user)
    local seen = types(heard:seen())
    local between, off
    for i, type_ in ipairs(seen) do
      between = type_ == "between" and i or between
      off = type_ == "user.offline" and i or off
    end
    assert.is_true(between < off)
  end)

  it("are sent before the server has ended", function()
    local server = start()
    server:connect "alice"
    server:connect "bob"
    server:stop()
    assert.equal(2, #heard:seen "user.offline")
    assert.equal(2, #heard:seen "client.disconnected")
  end)

  it("outlive a killed server, which tells of those who were there", function()
    local server = start { ["events.url"] = "-" }
    local alice = server:connect "alice"
    alice:request("room", "lobby")
    emit(alice, "order.made", { n = 1 }, "alice")
    server:signal "KILL"
    server:stop(false)
    server = start()
    server:connect "bob"
    heard:wait("user.online", 2)
    local seen = heard:seen()
    local told = {}
    for i, event in ipairs(seen) do
      told[i] = event.type .. " " .. (event.user or event.data.room)
    end
    assert.same({
      "user.online alice", "client.connected alice", "room.occupied lobby",
      "order.made alice", "client.disconnected alice", "room.vacated lobby",
      "user.offline alice", "user.online bob",
    }, { table.unpack(told, 1, 8) })
    assert.same({ lost = true }, seen[7].data)
    assert.same({ room = "lobby", lost = true }, seen[6].data)
    assert.is_true(seen[5].data.lost)
    server:wait_log "ends=3 are told now"
  end)

  it("wait while the backend is gone, and keep their ids", function()
    local server = start()
    local alice = server:connect "alice"
    heard:wait "client.connected"
    local port = heard.port
    heard:stop "KILL"
    local ids = {}
    for i = 1, 5 do
      ids[i] = emit(alice, "order.made", { n = i }, "alice").id
    end
    server:wait_log "events: [^\n]*waiting=%d+: tried again"
    heard = backend.start { port = port }
    local made = heard:wait("order.made", 5)
    for i = 1, 5 do
      assert.equal(ids[i], made[i].id)
    end
    t.wait_until(function() return metric(server, "waiting") == 0 end)
    assert.is_true(metric(server, "failed_total") > 0)
    assert.equal(0, metric(server, "oldest_seconds"))
    server:wait_log "takes them again"
  end)

  it("wait while it answers 503, 500, 429, 408 or not at all", function()
    local server = start()
    local alice = server:connect "alice"
    heard:wait "client.connected"
    for n, mode in ipairs { "status/503/0", "status/500", "status/429/0",
      "status/408", "stall" } do
      heard:mode(mode)
      local asked = #heard:batches()
      emit(alice, "order.made", { n = n }, "alice")
      t.wait_until(function() return #heard:batches() > asked end)
      heard:mode "ok"
      assert.equal(n, heard:wait("order.made", n)[n].data.n)
    end
    assert.equal(0, metric(server, "dead"))
  end)

  it("that it refuses become dead letters, and only these", function()
    local server = start()
    local alice = server:connect "alice"
    heard:wait "client.connected"
    heard:mode "not/bad/422"
    alice:request("count", 30)
    local id = emit(alice, "bad", { n = 1 }, "alice").id
    alice:request("count", 30)
    heard:wait("counted", 60)
    t.wait_until(function() return metric(server, "dead") == 1 end)
    assert.equal(1, metric(server, "buried_total"))
    assert.same({}, heard:seen "bad")
    server:wait_log "answers 422: a dead letter"
    local _, shown = cli.run { "events", "show", id,
      "--events.file=" .. folder .. "/events.db" }
    assert.truthy(shown:find("answer  422 no bad", 1, true))
  end)

  it("of one user wait in order while those of others go on", function()
    local server = start()
    local alice, bob = server:connect "alice", server:connect "bob"
    heard:wait("client.connected", 2)
    heard:mode "not/bad/500"
    emit(alice, "bad", { n = 1 }, "alice")
    emit(alice, "good", { n = 2 }, "alice")
    for i = 1, 40 do
      emit(bob, "good", { n = i }, "bob")
    end
    t.wait_until(function()
      return #of_user(heard:seen "good", "bob") == 40
    end)
    assert.same({}, of_user(heard:seen "good", "alice"))
    heard:mode "ok"
    heard:wait "bad"
    t.wait_until(function()
      return #of_user(heard:seen "good", "alice") == 1
    end)
    local seen = types(of_user(heard:seen(), "alice"))
    assert.same({ "bad", "good" }, { seen[#seen - 1], seen[#seen] })
  end)

  it("are refused when the outbox is full, and comings go on a while", function()
    local server = start { ["events.url"] = "-", ["events.max_mb"] = 1 }
    local alice = server:connect "alice"
    local blob, answer = ("x"):rep(20000), nil
    t.wait_until(function()
      answer = emit(alice, "order.made", blob)
      return not answer.id
    end)
    assert.equal("OVERLOADED", answer.code)
    assert.is_true(metric(server, "refused_total") > 0)
    server:wait_log "the outbox is full %(events.max_mb=1%)"
    server:connect "bob"
    assert.equal(0, metric(server, "left_out_total"))
    server:stop()
    heard:mode "ok"
    server = start { ["events.max_mb"] = 1 }
    local offline = heard:wait("user.offline", 2)
    assert.equal(2, #offline)
    alice = server:connect "alice"
    t.wait_until(function() return emit(alice, "order.made").id end)
  end)
end)
