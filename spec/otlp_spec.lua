-- SPDX-License-Identifier: MIT
-- Traces that a collector is sent: OTLP over HTTP, as JSON.
local admin = require "spec.support.admin"
local api = require "spec.support.api"
local cli = require "spec.support.cli"
local collectors = require "spec.support.collector"
local program = require "spec.support.program"
local t = require "perigee.testing"
local web = require "spec.support.web"

local WORKERS = tonumber(os.getenv "PERIGEE_WORKERS")

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    echo = function(_, data) return data end,
    say = function(client, data)
      return (perigee.send_to_room("lobby", { type = "said", data = 1 }))
    end,
    many = function(client, count)
      for i = 1, count do client:send { type = "one", data = i } end
      return "sent"
    end,
    slow = function() perigee.sleep(0.01) return "late" end,
    fail = function() error "it broke: \xff\xe2\x82" end,
    refuse = function() return nil, "NOT_TODAY", "come tomorrow" end,
    fetch = function(_, url)
      return perigee.json.decode(perigee.fetch(url .. "/echo").body).headers
    end,
    ["@join"] = function() return true end,
    ["@http greet"] = function(request) return { hello = request.data } end,
  }
]]

local TRACE, SPAN = ("4bf92f3577b34da6"):rep(2), "00f067aa0ba902b7"
local PARENT = ("00-%s-%s-01"):format(TRACE, SPAN)

describe("A collector", function()
  local site, server, alice

  local function start(options, dir)
    options = options or {}
    options["trace.otlp"] = options["trace.otlp"] or site.url
    if options["trace.sample"] == nil then options["trace.sample"] = 1 end
    options.workers = WORKERS
    return t.server { scripts = { ["main.lua"] = SCRIPT }, dir = dir,
      options = api.options(options) }
  end

  local function ask(type, data, parent)
    alice:send_text(t.encode { type = type, data = data, id = 1, traceparent = parent })
  end

  before_each(function() site = collectors.start() end)

  after_each(function()
    if server then server:stop() end
    server = nil
    site:stop()
    cli.cleanup()
  end)

  it("hears of a message: where, when, by what, and each delivery", function()
    server = start { ["trace.service"] = "shop", ["node.name"] = "east-1" }
    alice = server:connect "alice"
    local before = os.time()
    alice:request("echo", { 1, 2 })
    local span = site:wait "echo"
    assert.equal(2, span.kind)
    assert.matches("^%x+$", span.traceId)
    assert.equal(32, #span.traceId)
    assert.is_nil(span.parentSpanId)
    assert.same({}, span.status)
    local begin, ended = tonumber(span.startTimeUnixNano), tonumber(span.endTimeUnixNano)
    assert.is_true(begin / 1e9 >= before - 1 and begin <= ended)
    local with = span.with
    assert.same({ "alice", "ok", "echo", 1, 0 }, { with["user.id"], with["perigee.verdict"],
      with["perigee.handler"], with["perigee.generation"], with["perigee.waited"] })
    assert.is_true(with["perigee.lua_ms"] >= 0)
    local delivery = site:wait("delivery reply", { traceId = span.traceId })
    assert.equal(span.spanId, delivery.parentSpanId)
    assert.equal(4, delivery.kind)
    assert.equal("alice", delivery.with["user.id"])
    local request = site:requests()[1]
    assert.equal("/v1/traces", request.path)
    assert.equal("application/json", request.headers["content-type"])
    local resource = t.decode(request.body).resourceSpans[1].resource
    local about = collectors.table_of(resource.attributes)
    assert.same({ "shop", "east-1" }, { about["service.name"], about["service.instance.id"] })
    assert.matches("^%d", about["service.version"])
  end)

  it("hears what was sent, and of deliveries on other workers", function()
    server = start()
    alice = server:connect "alice"
    local others = {}
    for i = 1, 4 do
      others[i] = server:connect("user" .. i)
      others[i]:join "lobby"
    end
    alice:request "say"
    local span = site:wait "say"
    local sent = span.events[1]
    assert.equal("sent", sent.name)
    local about = collectors.table_of(sent.attributes)
    assert.same({ "room", "lobby", "said", 4 }, { about["perigee.to"],
      about["perigee.target"], about["perigee.type"], about["perigee.receivers"] })
    for i = 1, 4 do
      local delivery = site:wait("delivery said", { ["user.id"] = "user" .. i })
      assert.equal(span.traceId, delivery.traceId)
      assert.equal(span.spanId, delivery.parentSpanId)
      assert.equal("lobby", delivery.with["perigee.room"])
    end
  end)

  it("hears of hooks and calls inside a message as its parts", function()
    server = start()
    alice = server:connect "alice"
    alice:join "lobby"
    local join = site:wait "join"
    local hook = site:wait("call @join", { traceId = join.traceId })
    assert.equal(join.spanId, hook.parentSpanId)
    assert.equal(1, hook.kind)
    assert.equal(200, api.call(server, "call/greet", { data = "you" }))
    assert.equal(2, site:wait("call @http greet").kind)
  end)

  it("hears why a message failed or was refused", function()
    server = start()
    alice = server:connect "alice"
    alice:fails "fail"
    alice:fails "refuse"
    local span = site:wait "fail"
    assert.equal(2, span.status.code)
    assert.equal("HANDLER_ERROR", span.with["error.type"])
    assert.equal("exception", span.events[1].name)
    local about = collectors.table_of(span.events[1].attributes)
    assert.matches("it broke: \u{FFFD}\u{FFFD}\u{FFFD}\n", about["exception.stacktrace"])
    span = site:wait "refuse"
    assert.same({}, span.status)
    assert.same({ "refused", "NOT_TODAY" }, { span.with["perigee.verdict"],
      span.with["error.type"] })
  end)

  it("is told to go on with the trace of the message, and so is perigee.fetch", function()
    local pages = web.start()
    finally(function() pages:stop() end)
    server = start { ["trace.sample"] = 0 }
    alice = server:connect "alice"
    ask("echo", 1)
    ask("echo", 2, (PARENT:gsub("01$", "00")))
    ask("fetch", pages.url, PARENT)
    for _ = 1, 2 do alice:expect "reply" end
    local header = alice:expect("reply").data.traceparent
    local span = site:wait "fetch"
    assert.same({ TRACE, SPAN }, { span.traceId, span.parentSpanId })
    assert.equal(("00-%s-%s-01"):format(TRACE, span.spanId), header)
    assert.equal(0x301, span.flags)
    assert.same({}, site:named "echo")
  end)

  it("is told of a share, which a reload changes", function()
    local folder = cli.folder { ["perigee.cfg.lua"] = "trace.sample = 0" }
    server = start({ ["trace.sample"] = false }, folder)
    alice = server:connect "alice"
    alice:request("echo", 1)
    local file <close> = assert(io.open(folder .. "/perigee.cfg.lua", "w"))
    file:write "trace.sample = 1"
    file:close()
    server:reload()
    alice:request "slow"
    local span = site:wait "slow"
    assert.equal(1, span.with["perigee.waited"])
    assert.same({}, site:named "echo")
  end)

  it("is sent the headers that it asks for, and nobody else sees them", function()
    server = start { ["trace.otlp"] = site.url .. "/ingest?key=sesame",
      ["trace.headers"] = "authorization=Bearer%20open-sesame, x-tenant = 7" }
    alice = server:connect "alice"
    alice:request("echo", 1)
    site:wait "echo"
    local request = site:requests()[1]
    assert.equal("/ingest?key=sesame", request.path)
    assert.same({ "Bearer open-sesame", "7" },
      { request.headers.authorization, request.headers["x-tenant"] })
    site:mode "status/400"
    alice:request("echo", 1)
    server:wait_log "trace.otlp: http://127.0.0.1:%d+/ingest answers 400: spans are lost"
    assert.not_matches("sesame", server:log())
    t.wait_until(function() return admin.metric(server, "perigee_otlp_dropped_total") > 0 end)
  end)

  it("is asked again when it could not take them", function()
    server = start()
    site:mode "status/503/1"
    alice = server:connect "alice"
    alice:request("echo", 1)
    server:wait_log "trace.otlp: .* answers 503: tried again"
    site:mode "ok"
    site:wait "echo"
    server:wait_log "trace.otlp: .* takes spans again"
    assert.equal(0, admin.metric(server, "perigee_otlp_dropped_total"))
    assert.is_true(admin.metric(server, "perigee_otlp_failed_total") > 0)
  end)

  it("that takes some, and some not, is not told of more often than it fails", function()
    server = start()
    alice = server:connect "alice"
    for _, code in ipairs { "503", "429", "503" } do
      local failed = admin.metric(server, "perigee_otlp_failed_total")
      site:mode(("status/%s/0"):format(code))
      alice:request("echo", 1)
      t.wait_until(function() return admin.metric(server, "perigee_otlp_failed_total") > failed end)
      site:mode "ok"
      t.wait_until(function() return admin.metric(server, "perigee_otlp_waiting_bytes") == 0 end)
    end
    alice:request("echo", 1)
    t.wait_until(function() return admin.metric(server, "perigee_otlp_sent_total") > 3 end)
    local _, failures = server:log():gsub("tried again", "")
    local _, returns = server:log():gsub("takes spans again", "")
    assert.is_true(returns <= failures)
  end)

  it("may refuse some of them", function()
    server = start()
    site:mode "partial"
    alice = server:connect "alice"
    alice:request("echo", 1)
    server:wait_log 'has refused spans=1: "one is too old"'
    t.wait_until(function() return admin.metric(server, "perigee_otlp_dropped_total") > 0 end)
  end)

  it("that is away costs memory up to a bound, and the newest spans stay", function()
    local port = site.port
    server = start { ["limits.messages_per_s"] = 0 }
    site:stop()
    alice = server:connect "alice"
    t.wait_until(function()
      for _ = 1, 10 do alice:request("many", 128) end
      return admin.metric(server, "perigee_otlp_dropped_total") > 0
    end, 100)
    assert.is_true(admin.metric(server, "perigee_otlp_waiting_bytes") <= 8 * 1024 * 1024)
    alice:request "slow"
    site = collectors.start(port)
    t.wait_until(function()
      return admin.metric(server, "perigee_otlp_waiting_bytes") == 0
        and admin.metric(server, "perigee_otlp_sent_total") > 0
    end, 60)
    t.wait_until(function() return site:get "/has/slow" == "true" end)
  end)

  it("is told a bounded number of sends and deliveries of one message", function()
    server = start()
    alice = server:connect "alice"
    alice:request("many", 200)
    local span = site:wait "many"
    assert.equal(64, #span.events)
    assert.equal(136, span.droppedEventsCount)
    t.wait_until(function()
      return #site:named("delivery one", { traceId = span.traceId }) == 128
    end)
    assert.equal(136 + 73, admin.metric(server, "perigee_otlp_left_out_total"))
  end)

  it("has the last spans when the server ends", function()
    server = start()
    alice = server:connect "alice"
    alice:request("echo", 1)
    server:stop()
    server = nil
    assert.equal(1, #site:named "echo")
  end)

  it("is checked before the start", function()
    for option, says in pairs {
      ["--trace.otlp=localhost:4318"] = "trace.otlp: `localhost:4318` is no https:// or http://",
      ["--trace.otlp=http://me:sesame@host"] = "trace.otlp: `http://me:sesame`",
      ["--trace.headers=authorization"] = "trace.headers: expected `name=value,name=value`",
      ["--trace.headers=a b=sesame"] = "trace.headers: what stands before a `=` is no name",
      ["--trace.headers=a=x%0asesame"] = "trace.headers: a value has a control character",
      ["--trace.sample=2"] = "`trace.sample` is `2`: it must be a number from 0 to 1",
    } do
      local folder = cli.folder { ["scripts/a.lua"] = "return {}" }
      local status, _, problem = cli.run({ "check", folder .. "/scripts", option })
      assert.is_true(status > 0, option)
      assert.matches(says, problem)
    end
  end)

  -- Only where npm can fetch it; it is kept in the folder of builds.
  it("is sent what OpenTelemetry's own definition of the protocol knows", function()
    local dir = program.fetch "@opentelemetry/otlp-transformer@0.212.0"
    if not dir then
      pending "npm cannot fetch the definition"
      return
    end
    server = start()
    alice = server:connect("alice", { session = true })
    ask("fail", nil, PARENT)
    alice:expect "error"
    alice:join "lobby"
    alice:request("say")
    alice:request("many", 100)
    site:wait "many"
    server:stop()
    server = nil
    local bodies = {}
    for _, request in ipairs(site:requests()) do
      bodies[#bodies + 1] = request.body
    end
    local folder = cli.folder { ["bodies.json"] = "[" .. table.concat(bodies, ",") .. "]",
      ["check.mjs"] = [[
      import { deepStrictEqual } from 'node:assert';
      import { readFileSync } from 'node:fs';
      import { createRequire } from 'node:module';
      const root = createRequire(process.argv[2] + '/')(
        './node_modules/@opentelemetry/otlp-transformer/build/src/generated/root.js');
      const Type = root.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
      // Ids are hex there, where protobuf's JSON has base64.
      const turn = (value, key) => (Array.isArray(value) ? value.map((one) => turn(one))
        : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value)
          .map(([name, one]) => [name, turn(one, name)]))
        : /^(trace|span|parentSpan)Id$/.test(key)
          ? Buffer.from(value, 'hex').toString('base64') : value);
      let spans = 0;
      for (const body of JSON.parse(readFileSync('bodies.json', 'utf8'))) {
        const said = turn(body);
        const wrong = Type.verify(Type.fromObject(said));
        if (wrong) throw new Error(wrong);
        const read = Type.toObject(Type.decode(Type.encode(Type.fromObject(said)).finish()),
          { longs: String, bytes: String, json: true });
        deepStrictEqual(read, said); // nothing unknown, nothing of another type
        for (const one of body.resourceSpans) spans += one.scopeSpans[0].spans.length;
      }
      console.log(spans);
    ]] }
    local said = program.check(folder, dir)
    assert.is_true(tonumber(said) > 100, said)
  end)
end)
