-- SPDX-License-Identifier: MIT
local cli = require "spec.support.cli"
local fifo = require "spec.support.fifo"
local http = require "spec.support.http"
local socket = require "cqueues.socket"
local t = require "perigee.testing"

local SECRET = "an example secret of more than 32 bytes"

local function port_of(server)
  return server.admin:match "%d+$"
end

local function get(server, path, ...)
  return http.get(port_of(server), path, ...)
end

local function post(server, path, ...)
  return http.exchange(port_of(server), {
    ("POST %s HTTP/1.1"):format(path), "Host: localhost", ...,
  })
end

local function reload(server, query)
  local status, body = post(server, "/reload" .. (query or ""))
  return t.decode(body), status
end

-- The value of a series as it is printed; nil when there is none.
local function metric(server, series)
  local status, body = get(server, "/metrics")
  assert.equal(200, status)
  local at = ("\n" .. body):match("\n" .. series:gsub("%p", "%%%0") .. " (%S+)")
  return tonumber(at)
end

-- Sends a request and does not wait for the answer; the function reads it.
local function begin(server, line)
  local conn = socket.connect { host = "127.0.0.1",
    port = tonumber(port_of(server)) }
  conn:settimeout(t.timeout)
  conn:setmode("bn", "bn")
  assert(conn:write(line .. " HTTP/1.1\r\nHost: localhost\r\n\r\n"))
  return function()
    local length
    for head in conn:lines "*L" do
      length = tonumber(head:lower():match "^content%-length: *(%d+)") or length
      if head == "\r\n" then break end
    end
    local body = conn:read(length)
    conn:close()
    return t.decode(body)
  end, conn
end

describe("The admin address", function()
  local server

  lazy_setup(function()
    server = t.server { scripts = { ["main.lua"] = [[
      return { echo = function(_, data) return data end }
    ]] } }
  end)

  lazy_teardown(function() server:stop() end)

  it("tells that the server is well", function()
    local status, body = get(server, "/healthz")
    assert.equal(200, status)
    assert.equal("ok\n", body)
  end)

  it("has nothing else", function()
    for _, path in ipairs { "/", "/ws", "/perigee.js", "/dev/token", "/x" } do
      assert.equal(404, (get(server, path)), path)
      assert.equal(404, (post(server, path)), path)
    end
    assert.equal(404, (get(server, "/metrics", http.upgrade())))
  end)

  it("is not on the port of the clients", function()
    for _, path in ipairs { "/metrics", "/stats", "/reload" } do
      assert.equal(404, (http.get(server.port, path)), path)
    end
  end)

  it("wants GET to look and POST to act", function()
    local status, _, head = get(server, "/reload")
    assert.equal(405, status)
    assert.matches("allow: POST", head, 1, true)
    for _, path in ipairs { "/metrics", "/stats", "/healthz" } do
      assert.equal(405, (post(server, path)), path)
    end
  end)

  it("answers HEAD without a body", function()
    local _, body = get(server, "/metrics")
    local conn = socket.connect { host = "127.0.0.1",
      port = tonumber(port_of(server)) }
    conn:settimeout(t.timeout)
    conn:setmode("bn", "bn")
    for _ = 1, 2 do -- a body would be taken for the second answer
      assert(conn:write "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
      assert.matches("^HTTP/1.1 200", (conn:read "*l"))
      local length
      for line in conn:lines "*L" do
        length = tonumber(line:match "^content%-length: (%d+)") or length
        if line == "\r\n" then break end
      end
      assert.is_true(length > #body / 2)
    end
    conn:close()
  end)

  it("refuses browsers", function()
    for _, origin in ipairs { "https://evil.example", "null",
      "http://" .. server.admin } do
      local line = "Origin: " .. origin
      assert.equal(403, (get(server, "/metrics", line)), origin)
      assert.equal(403, (post(server, "/reload", line)), origin)
      assert.equal(403, (get(server, "/healthz", line)), origin)
    end
    assert.equal(403,
      (get(server, "/metrics", "Origin: " .. ("x"):rep(1000))))
  end)

  it("refuses names that somebody made point to it", function()
    local function status(host)
      return (http.exchange(port_of(server), {
        "GET /metrics HTTP/1.1", "Host: " .. host }))
    end
    for _, host in ipairs { "localhost", "127.0.0.1", server.admin, "[::1]",
      "LOCALHOST:81" } do
      assert.equal(200, status(host), host)
    end
    for _, host in ipairs { "evil.example", "localhost.evil.example",
      "127.0.0.1.evil.example:81", ("a."):rep(200) .. "example" } do
      assert.equal(403, status(host), host)
    end
  end)

  it("reads a body that nobody needs, up to a size", function()
    local function send(body)
      return (post(server, "/reload?check=1",
        "Content-Length: " .. #body, "", body))
    end
    assert.equal(200, send "check=0")
    assert.equal(200, send(("x"):rep(3000)))
    assert.equal(413, send(("x"):rep(5000)))
    assert.equal(200, (get(server, "/healthz")))
  end)

  it("answers more at once than it has room for", function()
    local answers = {}
    for i = 1, 40 do
      answers[i] = begin(server, "GET /stats")
    end
    for i = 1, 40 do
      assert.equal(1, answers[i]().workers[1].worker)
    end
  end)

  it("survives what is no HTTP", function()
    for _, bytes in ipairs { "\0\0\0\0", "GET\r\n\r\n",
      ("x"):rep(20000) .. "\r\n\r\n", "POST /reload HTTP/1.1\r\n",
      "POST /reload HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx",
      "POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    } do
      local conn = socket.connect("127.0.0.1", tonumber(port_of(server)))
      conn:settimeout(5)
      conn:xwrite(bytes, "bn")
      conn:close()
    end
    assert.equal(200, (get(server, "/healthz")))
  end)
end)

describe("GET /metrics", function()
  local server

  before_each(function()
    server = t.server { scripts = { ["main.lua"] = [[
      return {
        echo = function(_, data) return data end,
        fail = function() error "on purpose" end,
      }
    ]] } }
  end)

  after_each(function() server:stop() end)

  it("has the form of Prometheus", function()
    local _, body, head = get(server, "/metrics")
    assert.matches("content-type: text/plain; version=0.0.4", head, 1, true)
    assert.equal("\n", body:sub(-1))
    local kinds, count = {}, 0
    for line in body:gmatch "[^\n]+" do
      local name, kind = line:match "^# TYPE ([%a_:][%w_:]*) (%l+)$"
      if name then
        assert.is_nil(kinds[name], name)
        kinds[name] = kind
      elseif not line:find "^# HELP [%a_:][%w_:]* %S" then
        local series, value = line:match "^([%a_:][%w_:]*)%S* (%S+)$"
        assert.is_not_nil(kinds[series], line)
        assert.is_number(tonumber(value), line)
        count = count + 1
        assert.equal(kinds[series] == "counter",
          series:find "_total$" ~= nil, line)
      end
    end
    assert.is_true(count > 15)
  end)

  it("moves with what happens", function()
    local function expect(values)
      for name, value in pairs(values) do
        assert.equal(value, metric(server, name .. '{worker="1"}'), name)
      end
    end
    expect { perigee_connections = 0, perigee_users = 0, perigee_rooms = 0,
      perigee_messages_in_total = 0, perigee_generation = 1,
      perigee_handlers = 2, perigee_queue_bytes = 0 }
    local alice = server:connect { user = "alice" }
    local tablet = server:connect { user = "alice" }
    alice:request("join", { room = "lobby" })
    assert.equal("hi", alice:request("echo", "hi"))
    alice:request "fail"
    expect { perigee_connections = 2, perigee_users = 1, perigee_rooms = 1,
      perigee_auth_ok_total = 2, perigee_messages_in_total = 5,
      perigee_connections_opened_total = 2, perigee_handler_errors_total = 1,
      perigee_worker_answering = 1 }
    assert.is_true(metric(server, 'perigee_lua_bytes{worker="1"}') > 10000)
    assert.is_true(metric(server, "process_resident_memory_bytes") > 1e6)
    tablet:close()
    t.wait_until(function()
      return metric(server, 'perigee_connections{worker="1"}') == 1
    end)
    reload(server)
    expect { perigee_generation = 2, perigee_reloads_total = 2 }
  end)

  it("counts reloads that failed", function()
    server:write("broken.lua", "return {")
    reload(server)
    assert.equal(1, metric(server, "perigee_reloads_failed_total"))
    reload(server, "?check=1")
    assert.equal(1, metric(server, "perigee_reloads_failed_total"))
  end)

  it("is the same as GET /stats", function()
    server:connect { user = "alice" }
    local status, body = get(server, "/stats")
    local stats = t.decode(body)
    assert.equal(200, status)
    assert.equal(1, stats.generation)
    assert.equal(1, #stats.workers)
    assert.equal(1, stats.workers[1].connections)
    assert.equal(1, stats.workers[1].auth_ok)
  end)
end)

describe("While a worker is busy the admin address", function()
  local server, alice, go_on

  before_each(function()
    server = t.server { scripts = { ["main.lua"] = fifo.script } }
    alice = server:connect { user = "alice" }
    go_on = fifo.block(server, alice)
  end)

  after_each(function()
    go_on()
    server:stop()
  end)

  it("answers, with the figures of last time", function()
    assert.equal(200, (get(server, "/healthz")))
    assert.equal(0, metric(server, 'perigee_worker_answering{worker="1"}'))
    go_on()
    t.wait_until(function()
      return metric(server, 'perigee_worker_answering{worker="1"}') == 1
    end)
    assert.equal(1, metric(server, 'perigee_connections{worker="1"}'))
  end)

  it("serves all reloads that wait with one", function()
    local answers = {}
    for i = 1, 5 do answers[i] = begin(server, "POST /reload") end
    assert.equal(200, (get(server, "/healthz"))) -- so they have arrived
    go_on()
    local generations = {}
    for i = 1, 5 do
      local answer = answers[i]()
      assert.is_true(answer.ok)
      generations[i] = answer.generation
    end
    table.sort(generations)
    assert.same({ 2, 3, 3, 3, 3 }, generations)
  end)

  it("forgets who does not wait for the answer", function()
    for _, line in ipairs { "POST /reload", "POST /reload", "GET /metrics" } do
      local _, conn = begin(server, line)
      assert.equal(200, (get(server, "/healthz")))
      conn:close()
    end
    go_on()
    assert.is_true(reload(server).ok)
    assert.equal(1, metric(server, 'perigee_worker_answering{worker="1"}'))
  end)
end)

describe("POST /reload", function()
  local server, alice

  before_each(function()
    server = t.server { scripts = {
      ["one.lua"] = "return { one = function() return 1 end }",
      ["two.lua"] = [[
        local value = require "lib.value"
        return { two = function() return value end, more = function() end }
      ]],
      ["lib/value.lua"] = "return 2",
    } }
    alice = server:connect { user = "alice" }
  end)

  after_each(function() server:stop() end)

  local function expect_changes(answer, added, removed, changed)
    assert.same({ added, removed, changed },
      { { table.unpack(answer.added) }, { table.unpack(answer.removed) },
        { table.unpack(answer.changed) } })
  end

  it("tells what is live now", function()
    local answer, status = reload(server)
    assert.equal(200, status)
    assert.is_true(answer.ok)
    assert.is_false(answer.check)
    assert.equal(2, answer.generation)
    assert.equal(3, answer.files)
    assert.equal(3, answer.handlers)
    assert.is_number(answer.ms)
    expect_changes(answer, {}, {}, {})
  end)

  it("tells which handlers were added, removed and changed", function()
    server:write("one.lua", "return { one = function() return 11 end }")
    expect_changes(reload(server), {}, {}, { "one" })
    assert.equal(11, alice:request "one")
    server:write("new.lua", "return { a = print, z = print }")
    server:remove "one.lua"
    expect_changes(reload(server), { "a", "z" }, { "one" }, {})
    -- Who uses a module is not known: all may have changed.
    server:write("lib/value.lua", "return 3")
    expect_changes(reload(server), {}, {}, { "a", "more", "two", "z" })
    expect_changes(reload(server), {}, {}, {})
  end)

  it("compares with what is live, not with what failed", function()
    server:write("one.lua", "return { one = function() return 11 end }")
    server:write("two.lua", "return {")
    assert.is_false(reload(server).ok)
    server:write("two.lua", "return { two = function() end }")
    expect_changes(reload(server), {}, { "more" }, { "one", "two" })
  end)

  it("names file, line and message of what is wrong", function()
    for what, case in pairs {
      ["return {\n  x = function( end }"] = { 2, "expected" },
      ["\n\nerror 'no luck'"] = { 3, "^no luck$" },
      ["return 5"] = { nil, "table" },
      ["return { join = print }"] = { nil, "reserved" },
      ["error 'caf\xe9'"] = { 1, "^caf%?$" },
      ["\nrequire 'lib.none'"] = { 2, "lib.none" },
    } do
      server:write("bad.lua", what)
      local answer, status = reload(server)
      assert.equal(422, status)
      assert.is_false(answer.ok)
      assert.equal(1, answer.generation)
      assert.equal(server.scripts .. "/bad.lua", answer.file)
      assert.equal(case[1], answer.line)
      assert.matches(case[2], answer.message)
      assert.equal(1, alice:request "one")
    end
    server:write("bad.lua", "require 'lib.bad'")
    server:write("lib/bad.lua", "\nx = = 1")
    local answer = reload(server)
    assert.equal(server.scripts .. "/lib/bad.lua", answer.file)
    assert.equal(2, answer.line)
    server:remove "bad.lua"
    server:remove "lib/bad.lua"
    assert.is_true(reload(server).ok)
  end)

  it("tells that a client's state cannot be taken over", function()
    server:write("state.lua", [[return {
      good = function(client) client.state.value = 5 end,
      bad = function(client) client.state.oops = print end,
    }]])
    reload(server)
    alice:request "bad"
    local answer, status = reload(server)
    assert.equal(422, status)
    assert.matches("oops", answer.message, 1, true)
    assert.equal(2, answer.generation)
    assert.is_nil(answer.file)
    assert.equal(1, alice:request "one")
    alice:close()
    t.wait_until(function() return reload(server).ok end)
  end)

  it("answers when @stop has had its time, and then serves the next", function()
    server:write("stop.lua", [[
      local perigee, done = require "perigee", false
      return {
        finish = function() done = true end,
        ["@stop"] = function() while not done do perigee.sleep(0.005) end end,
      }
    ]])
    reload(server)
    server:remove "stop.lua"
    local first, second = begin(server, "POST /reload"),
      begin(server, "POST /reload")
    assert.equal(200, (get(server, "/healthz"))) -- so they have arrived
    assert.equal(2, metric(server, 'perigee_generation{worker="1"}'))
    alice:request "finish"
    local generations = { first().generation, second().generation }
    table.sort(generations)
    assert.same({ 3, 4 }, generations)
  end)

  it("only builds with check=1", function()
    server:write("new.lua", "return { new = function() end }")
    local before = #server:log()
    for _, check in ipairs { "?check=1", "?check=true" } do
      local answer, status = reload(server, check)
      assert.equal(200, status)
      assert.is_true(answer.ok and answer.check)
      assert.equal(1, answer.generation)
      expect_changes(answer, { "new" }, {}, {})
    end
    local _, code = alice:request "new"
    assert.equal("UNKNOWN_TYPE", code)
    server:write("bad.lua", "return {")
    local answer, status = reload(server, "?check=1")
    assert.equal(422, status)
    assert.equal(server.scripts .. "/bad.lua", answer.file)
    assert.is_nil(server:log():find("reload", before + 1, true))
    server:remove "bad.lua"
    assert.equal(2, reload(server, "?check=0").generation)
  end)
end)

describe("A server that drains", function()
  it("says so on its admin address, and reloads no more", function()
    local server = t.server { options = { ["shutdown.drain_s"] = 60 } }
    server:connect { user = "alice" }
    server:signal "TERM"
    server:wait_log "draining"
    assert.equal(503, (get(server, "/healthz")))
    assert.equal(1, metric(server, "perigee_draining"))
    assert.equal(1, metric(server, 'perigee_connections{worker="1"}'))
    local answer, status = reload(server)
    assert.equal(503, status)
    assert.is_false(answer.ok)
    assert.equal(1, (server:stop "TERM")) -- the second one: at once
  end)

  it("ends also when somebody waits for an answer", function()
    local server = t.server { scripts = { ["main.lua"] = fifo.script } }
    local alice = server:connect { user = "alice" }
    local go_on = fifo.block(server, alice)
    local reload_answer = begin(server, "POST /reload")
    begin(server, "GET /metrics")
    assert.equal(200, (get(server, "/healthz")))
    server:signal "TERM"
    go_on()
    assert.is_true(reload_answer().ok)
    assert.equal(0, server:stop(false))
  end)
end)

describe("The option admin.listen", function()
  after_each(cli.cleanup)

  it("may be empty: then there is no admin address", function()
    local server = t.server { options = { ["admin.listen"] = "" } }
    finally(function() server:stop() end)
    server:wait_log "(ready on [^\n]* admin=%-\n)"
    assert.matches("is live", server:reload(), 1, true) -- by signal
  end)

  it("must be an address that is free", function()
    local server = t.server {}
    finally(function() server:stop() end)
    local status, _, problem = cli.run { "serve",
      cli.folder { ["none.lua"] = "return {}" }, "--listen=127.0.0.1:0",
      "--auth.secret=" .. SECRET, "--admin.listen=" .. server.admin }
    assert.equal(1, status)
    assert.matches("admin.listen " .. server.admin, problem, 1, true)
    assert.matches("--admin.listen=", problem, 1, true)
    assert.not_matches("ready on", problem, 1, true)
    assert.equal(200, (get(server, "/healthz")))
  end)

  it("must be an address", function()
    local status, _, problem = cli.run { "serve", cli.folder {},
      "--auth.secret=" .. SECRET, "--admin.listen=everywhere" }
    assert.equal(2, status)
    assert.matches("admin.listen: `everywhere`", problem, 1, true)
  end)

  it("has a default that development servers share", function()
    local servers = {}
    for i = 1, 2 do
      servers[i] = t.server { mode = "dev",
        options = { ["admin.listen"] = false } }
    end
    finally(function()
      servers[1]:stop()
      servers[2]:stop()
    end)
    -- One of them has it, or another program.
    local holders = 0
    for _, server in ipairs(servers) do
      if server.admin == "127.0.0.1:8081" then
        holders = holders + 1
      else
        assert.matches("warn +no admin address: admin.listen 127.0.0.1:8081",
          server:log())
        assert.equal("-", server.admin)
      end
    end
    assert.is_true(holders <= 1)
  end)

  it("is taken at its word in development mode too", function()
    local server = t.server {}
    finally(function() server:stop() end)
    local status, _, problem = cli.run { "dev",
      cli.folder { ["none.lua"] = "return {}" }, "--listen=127.0.0.1:0",
      "--admin.listen=" .. server.admin }
    assert.equal(1, status)
    assert.matches("admin.listen " .. server.admin, problem, 1, true)
  end)

  it("warns when strangers could reach it", function()
    for address, expected in pairs {
      ["0.0.0.0:0"] = true, ["127.0.0.1:0"] = false, ["localhost:0"] = false,
    } do
      local server = t.server { options = { ["admin.listen"] = address } }
      assert.equal(0, server:stop())
      assert.equal(expected, server.last_log:find
        "warn +admin.listen: whoever reaches 0.0.0.0:" ~= nil, address)
    end
  end)
end)
