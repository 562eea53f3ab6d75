-- SPDX-License-Identifier: MIT
-- The admin address: health, figures, who may ask, and its option.
local admin = require "spec.support.admin"
local cli = require "spec.support.cli"
local fifo = require "spec.support.fifo"
local http = require "spec.support.http"
local socket = require "cqueues.socket"
local t = require "perigee.testing"

local SECRET = "an example secret of more than 32 bytes"
local port_of, get, post = admin.port_of, admin.get, admin.post
local reload, metric, begin = admin.reload, admin.metric, admin.begin

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
    assert.equal(404, (get(server, "/ws", http.upgrade())))
  end)

  it("is not on the port of the clients", function()
    for _, path in ipairs { "/metrics", "/stats", "/reload" } do
      assert.equal(404, (http.get(server.port, path)), path)
    end
  end)

  it("wants GET to look and POST to act", function()
    local status, _, head = get(server, "/reload")
    assert.equal(405, status)
    assert.matches("Allow: POST", head, 1, true)
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
    assert(conn:write "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert.matches("^HTTP/1.1 200", (conn:read "*l"))
    local length
    for line in conn:lines "*L" do
      length = tonumber(line:match "^content%-length: (%d+)") or length
      if line == "\r\n" then break end
    end
    assert.is_true(length > #body / 2)
    assert.is_nil((conn:read "*a"))
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
      conn:settimeout(t.timeout)
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
        local base = series:gsub("_%l+$", "")
        if kinds[base] == "histogram" then
          series = base
        end
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
    alice:fails "fail"
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
    server:wait_log "(ready on [^\n]* admin=%-\n)"
    assert.matches("is live", server:reload(), 1, true) -- by signal
  end)

  it("must be an address that is free", function()
    local server = t.server {}
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
    -- One of them has it, or another program.
    local holders = 0
    for _, server in ipairs(servers) do
      if server.admin == "127.0.0.1:8081" then
        holders = holders + 1
      else
        server:wait_log "warn +no admin address: admin.listen 127.0.0.1:8081"
        assert.equal("-", server.admin)
        assert.matches("Scripts +/", server:log())
        assert.not_matches("perigee console", server:log())
      end
    end
    assert.is_true(holders <= 1)
  end)

  it("is taken at its word in development mode too", function()
    local server = t.server {}
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
