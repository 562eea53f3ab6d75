-- SPDX-License-Identifier: MIT
-- A trace: what it tells of messages, deliveries and failures, on one worker
-- and on several.
local admin = require "spec.support.admin"
local api = require "spec.support.api"
local cli = require "spec.support.cli"
local sessions = require "spec.support.sessions"
local t = require "perigee.testing"
local tracing = require "spec.support.tracing"

local WORKERS = tonumber(os.getenv "PERIGEE_WORKERS")

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    echo = function(_, data) return data end,
    say = function(client, data)
      return (perigee.send_to_room(data.room,
        { type = "said", data = { by = client.user_id, text = data.text } }))
    end,
    tell = function(_, data)
      return perigee.send_to_user(data.user, { type = "told", data = data.text })
    end,
    all = function() return perigee.broadcast { type = "all" } end,
    back = function(client) client:send { type = "back", data = 1 } end,
    slow = function() perigee.sleep(0.02) perigee.sleep(0.02) return "late" end,
    fail = function() local function deep() error "it broke" end deep() end,
    refuse = function() return nil, "NOT_TODAY", "come tomorrow" end,
    checked = { schema = { n = "integer" }, handler = function() return 1 end },
    many = function(client, data)
      for i = 1, data do client:send { type = "one", data = i } end
    end,
    later = function()
      perigee.after(0.01, function()
        perigee.send_to_room("lobby", { type = "tick" })
      end)
    end,
    ["@join"] = function() return true end,
    ["@http greet"] = function(request) return { hello = request.data } end,
  }
]]

describe("A trace", function()
  local server, trace

  setup(function()
    server = t.server {
      scripts = { ["main.lua"] = SCRIPT },
      options = api.options { workers = WORKERS, ["limits.messages_per_s"] = 0,
        ["script.burst_ms"] = 10000,
        ["limits.per_ip"] = 0 },
    }
  end)

  teardown(function() server:stop() end)

  after_each(function()
    if trace then trace:close() end
    trace = nil
    t.wait_until(function()
      return admin.metric(server, "perigee_traces") == 0
    end)
  end)

  it("says what it follows", function()
    trace = tracing.open(server, "user=alice%20b")
    assert.equal("alice b", trace.first.user)
    assert.matches("application/x%-ndjson", table.concat(trace.head))
  end)

  it("tells of a message: handler, generation, time, result", function()
    local alice = server:connect "alice"
    trace = tracing.open(server, "user=alice")
    local before = os.time()
    assert.same({ 1, 2 }, alice:request("echo", { 1, 2 }))
    local message = trace:next "message"
    assert.equal("echo", message.type)
    assert.equal("alice", message.user)
    assert.same({ 1, 2 }, message.data)
    assert.equal(5, message.bytes)
    assert.truthy(message.id)
    assert.matches("^%x+$", message.span)
    assert.equal(16, #message.span)
    assert(message.at >= before and message.at < before + 60)
    local done = trace:until_done(message.span).done
    assert.equal("ok", done.verdict)
    assert.equal("echo", done.handler)
    assert.equal(1, done.generation)
    assert.same({ 1, 2 }, done.data)
    assert(done.ms >= done.lua_ms and done.lua_ms > 0)
    local delivery = trace:next("delivery", { span = message.span })
    assert.equal("reply", delivery.type)
    assert.equal(message.conn, delivery.conn)
    assert.is_number(delivery.ms)
  end)

  it("tells what was sent, to how many, and of each delivery", function()
    local room = "r" .. tostring(WORKERS)
    local members = {}
    for i = 1, 6 do
      members[i] = server:connect("member" .. i)
      members[i]:join(room)
    end
    trace = tracing.open(server, "type=say")
    assert.equal(6, members[1]:request("say", { room = room, text = "hi" }))
    local message = trace:next "message"
    local found, delivered = {}, {}
    repeat
      local line = trace:line()
      found[line.event] = line
      if line.event == "delivery" and line.type == "said" then
        assert.equal(message.span, line.span)
        assert.equal(room, line.room)
        delivered[#delivered + 1] = line.user
      end
    until #delivered == 6 and found.done
    table.sort(delivered)
    assert.same({ "member1", "member2", "member3", "member4", "member5", "member6" }, delivered)
    assert.equal("room", found.sent.to)
    assert.equal(room, found.sent.target)
    assert.equal(6, found.sent.receivers)
    assert.equal("said", found.sent.type)
    assert.same({ by = "member1", text = "hi" }, found.sent.data)
  end)

  it("of a room has what is sent there, whoever does", function()
    local alice, bob = server:connect "alice", server:connect "bob"
    trace = tracing.open(server, "room=lobby")
    alice:join "lobby"
    assert.equal("join", trace:next("message").type)
    assert.equal("@join", trace:next("call").call)
    bob:request("echo", "not about it")
    bob:request("say", { room = "elsewhere", text = "x" })
    bob:request("say", { room = "lobby", text = "y" })
    local message = trace:next "message"
    assert.same({ room = "lobby", text = "y" }, message.data)
    assert.equal("alice", trace:next("delivery", { span = message.span, type = "said" }).user)
    bob:request "later"
    assert.equal("tick", trace:next("sent", { to = "room", type = "tick" }).type)
    assert.equal("alice", trace:next("delivery", { type = "tick" }).user)
  end)

  it("of a user has what others send to it", function()
    local alice, bob = server:connect "alice", server:connect "bob"
    trace = tracing.open(server, "user=alice")
    bob:request("tell", { user = "alice", text = "psst" })
    local sent = trace:next "sent"
    assert.equal("user", sent.to)
    assert.equal("alice", sent.target)
    assert.equal(1, sent.receivers)
    local delivery = trace:next("delivery", { type = "told" })
    assert.equal(sent.span, delivery.span)
    bob:request "all"
    trace:next("delivery", { type = "all", user = "alice" })
    alice:request "back"
    sent = trace:next("sent", { to = "conn" })
    assert.equal("back", sent.type)
    assert.equal(1, sent.receivers)
  end)

  it("says how often a handler has waited", function()
    local alice = server:connect "alice"
    trace = tracing.open(server, "type=slow")
    alice:request "slow"
    local done = trace:next "done"
    assert.equal(2, done.waited)
    assert.equal("late", done.data)
    assert(done.ms >= 40 and done.lua_ms < done.ms)
  end)

  it("has errors with their traceback, which the client does not", function()
    local alice = server:connect "alice"
    trace = tracing.open(server, "type=fail")
    alice:send("fail", nil, 1)
    local problem = alice:receive()
    local done = trace:next "done"
    assert.equal("failed", done.verdict)
    assert.equal("HANDLER_ERROR", done.code)
    assert.matches("^e%d", done.ref)
    assert.matches("main.lua:%d+: it broke", done.error)
    assert.matches("stack traceback:.*main.lua:%d+: in ", done.error)
    assert.is_nil(problem:find("traceback", 1, true))
  end)

  it("has refusals: of handlers, schemas, types, rooms", function()
    local alice = server:connect "alice"
    trace = tracing.open(server, "user=alice")
    alice:send("refuse", nil, 1)
    local done = trace:next "done"
    assert.same({ "refused", "NOT_TODAY", "come tomorrow", "refuse" },
      { done.verdict, done.code, done.text, done.handler })
    alice:send("checked", { n = "x" }, 2)
    done = trace:next "done"
    assert.same({ "refused", "BAD_REQUEST" }, { done.verdict, done.code })
    assert.is_nil(done.handler)
    alice:send("nothing", nil, 3)
    assert.equal("UNKNOWN_TYPE", trace:next("done").code)
    alice:send("join", { room = "~mine" }, 4)
    assert.equal("FORBIDDEN", trace:next("done").code)
    alice:send_text '{"type":'
    assert.equal("BAD_JSON", trace:next("refused").code)
  end)

  it("cuts data, and lines hold whole characters", function()
    local alice = server:connect "alice"
    trace = tracing.open(server, "type=echo")
    for n = 1020, 1026 do
      local text = ("x"):rep(n) .. ("ä"):rep(20)
      alice:request("echo", text)
      local message = trace:next "message"
      assert.is_nil(message.data)
      assert.equal(n + 42, message.bytes)
      assert(#message.data_begin <= 1024 and #message.data_begin >= 1023)
      assert.equal(message.data_begin, ('"' .. text):sub(1, #message.data_begin))
      assert.truthy(utf8.len(message.data_begin))
    end
    alice:send_text '{"type":"echo","data":[1,\r\n2]}'
    assert.same({ 1, 2 }, trace:next("message").data)
  end)

  it("never has a token", function()
    local alice = server:connect "alice"
    trace = tracing.open(server, "type=auth")
    alice:send("auth", { token = server:token { sub = "alice" } }, 1)
    alice:receive()
    local all = tracing.open(server, "user=alice")
    alice:send("auth", { token = server:token { sub = "alice" } }, 2)
    alice:receive()
    alice:request("echo", 1)
    local line
    repeat
      line = all:line()
      assert.is_nil(t.encode(line):find("eyJ", 1, true))
    until line.type == "echo"
    all:close()
  end)

  it("tells what a client with a session has acknowledged", function()
    local alice = sessions.open(server, "alice")
    local bob = server:connect "bob"
    trace = tracing.open(server, "user=alice")
    bob:request("tell", { user = "alice", text = "one" })
    local delivery = trace:next("delivery", { type = "told" })
    assert.is_number(delivery.n)
    alice:expect "told"
    alice.client:send_text('{"type":"pong","data":{"received":' .. delivery.n .. "}}")
    local acked = trace:next("acked", { type = "told" })
    assert.equal(delivery.n, acked.n)
    assert.equal(delivery.span, acked.span)
    alice:close()
  end)

  it("has what backends send, and what they ask scripts", function()
    local alice = server:connect "alice"
    alice:join "lobby"
    trace = tracing.open(server, "room=lobby")
    api.call(server, "send", { room = "lobby", message = { type = "news", data = 7 } })
    local got = {} -- of two threads, so in any order
    repeat
      local line = trace:line()
      got[line.event] = line
    until got.sent and got.delivery
    assert.equal(0, got.sent.worker)
    assert.equal(7, got.sent.data)
    assert.equal("news", got.delivery.type)
    assert.equal("alice", got.delivery.user)
    local calls = tracing.open(server, "type=%40http%20greet")
    api.call(server, "call/greet", { data = "you" })
    assert.equal("@http greet", calls:next("call").call)
    assert.same({ hello = "you" }, calls:next("done").data)
    calls:close()
  end)

  it("is for keys that may admin, and follows one thing", function()
    for query, status in pairs { [""] = 400, ["user=a&room=b"] = 400, ["user="] = 400,
      ["users=a"] = 400 } do
      local peer = tracing.try(server, query)
      assert.equal(status, (peer:read()), query)
      peer:close()
    end
    local peer = tracing.try(server, "user=a", api.SENDER)
    assert.equal(403, (peer:read()))
    peer:close()
    peer = tracing.try(server, "user=a", ("x"):rep(40))
    assert.equal(401, (peer:read()))
    peer:close()
    peer = api.connect(server)
    peer:write(api.request("HEAD", "/api/v1/trace?user=a"))
    assert.equal(200, (peer:read(true)))
    peer:close()
  end)

  it("is one of 16", function()
    local many = {}
    for i = 1, 16 do many[i] = tracing.open(server, "user=u" .. i) end
    local peer = tracing.try(server, "user=one-more")
    local status, problem = peer:read()
    assert.equal(503, status)
    assert.equal("OVERLOADED", problem.code)
    peer:close()
    assert.equal(16, admin.metric(server, "perigee_traces"))
    many[7]:close()
    t.wait_until(function()
      return admin.metric(server, "perigee_traces") == 15
    end)
    many[7] = tracing.open(server, "user=alice")
    server:connect("alice"):request("echo", 1)
    assert.equal("alice", many[7]:next("message").user)
    for _, each in ipairs(many) do each:close() end
  end)

  it("drops what is not read, and says how much", function()
    local alice = server:connect "alice"
    local counted = admin.metric(server, "perigee_trace_dropped_total")
    trace = tracing.open(server, "user=alice")
    local rounds = 0
    t.wait_until(function()
      rounds = rounds + 1
      alice:request("many", 3000)
      for _ = 1, 3000 do alice:expect "one" end
      return admin.metric(server, "perigee_trace_dropped_total") > counted
    end, 60)
    local dropped = trace:next "dropped"
    assert(dropped.count > 0)
    server:connect("alice"):request("echo", "goes on")
    assert.equal("goes on", trace:next("message", { type = "echo" }).data)
  end)

  it("leaves nothing behind when nobody looks", function()
    local alice = server:connect "alice"
    trace = tracing.open(server, "user=alice")
    alice:request("echo", 1)
    trace:next "done"
    trace:close()
    trace = nil
    t.wait_until(function()
      return admin.metric(server, "perigee_traces") == 0
    end)
    local told = admin.metric(server, "perigee_trace_lines_total")
    for _ = 1, 10 do alice:request("echo", 1) end
    assert.equal(told, admin.metric(server, "perigee_trace_lines_total"))
  end)
end)

describe("A trace whose key is changed by a reload", function()
  it("goes on while the key may look, and ends with that", function()
    local folder = cli.folder()
    local function configure(groups)
      local file <close> = assert(io.open(folder .. "/perigee.cfg.lua", "wb"))
      file:write(('api.keys = "ops:%s%s"\n'):format(groups, api.KEY))
    end
    configure "read+admin:"
    local server = t.server { dir = folder, scripts = { ["main.lua"] = SCRIPT } }
    local alice = server:connect "alice"
    local trace = tracing.open(server, "user=alice")
    configure ""
    assert.is_true(admin.reload(server).ok)
    alice:request("echo", 1)
    assert.equal(2, trace:next("done", { handler = "echo" }).generation)
    configure "read:"
    assert.is_true(admin.reload(server).ok)
    repeat local line = trace:line() until not line
    t.wait_until(function() return admin.metric(server, "perigee_traces") == 0 end)
    trace:close()
    server:stop()
    cli.cleanup()
  end)
end)
