-- SPDX-License-Identifier: MIT
-- POST /api/v1/call/TYPE: backends ask the scripts.
local api = require "spec.support.api"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  local count = 0
  return {
    ["@http echo"] = function(request) return request end,
    ["@http nothing"] = function() end,
    ["@http count"] = function() count = count + 1; return count end,
    ["@http refuse"] = function(request)
      return nil, request.data.code, "not today", { why = request.data.code }
    end,
    ["@http fail"] = function() error "on purpose" end,
    ["@http long"] = function() while true do end end,
    ["@http wait"] = function(request)
      perigee.log.info("waits for " .. request.data)
      perigee.sleep(request.data)
      return "waited"
    end,
    ["@http push"] = function(request)
      return perigee.send_to_user(request.user, { type = "news", data = request.data })
    end,
    ["@http order"] = { schema = { id = "integer" }, rate = "2/m", burst = 2,
      handler = function(request) return { id = request.data.id } end },
    echo = function(_, data) return data end,
  }
]]

describe("POST /api/v1/call", function()
  local server

  lazy_setup(function()
    server = t.server { options = api.options(), scripts = { ["main.lua"] = SCRIPT } }
  end)

  lazy_teardown(function() server:stop() end)

  local function ask(kind, args, headers)
    return api.ask(server, "POST", "/api/v1/call/" .. kind, args and t.encode(args) or "{}",
      headers)
  end

  local function refused(status, code, got, problem, head)
    assert.equal(status, got, t.encode(problem))
    assert.equal(code, problem.code)
    assert.matches("problem+json", head, 1, true)
    return problem
  end

  it("runs a handler, which sees data, user and key", function()
    local status, answer = ask("echo", { data = { a = { 1, 2 } }, user = 'al"ice' })
    assert.equal(200, status)
    assert.same({ data = { a = { 1, 2 } }, user = 'al"ice', key = "ops" }, answer)
    assert.same({ key = "ops" }, (select(2, ask "echo")))
    assert.equal(t.null, (select(2, ask "nothing")))
  end)

  it("lets it reach the clients", function()
    local alice = server:connect "alice"
    local status, answer = ask("push", { user = "alice", data = 7 })
    assert.equal(200, status)
    assert.equal(1, answer)
    assert.equal(7, alice:expect("news").data)
  end)

  it("waits with it", function()
    local peer = api.connect(server)
    peer:write(api.request("POST", "/api/v1/call/wait", '{"data":0.2}')
      .. api.request("POST", "/api/v1/call/echo", "{}"))
    assert.same({ 200, "waited" }, { peer:read() and 200, "waited" })
    assert.equal(200, (peer:read())) -- the pipeline keeps its order
    peer:close()
  end)

  it("tells its refusals, with the status of the code", function()
    local statuses = { FORBIDDEN = 403, NOT_FOUND = 404, RATE_LIMITED = 429, SOLD_OUT = 422 }
    for code, status in pairs(statuses) do
      local problem = refused(status, code, ask("refuse", { data = { code = code } }))
      assert.equal("not today", problem.detail)
      assert.same({ why = code }, problem.data)
    end
  end)

  it("tells its errors by a reference only", function()
    local problem = refused(500, "HANDLER_ERROR", ask "fail")
    assert.is_nil(t.encode(problem):find("on purpose", 1, true))
    server:wait_log("handler=@http fail [^\n]*ref=" .. problem.ref .. "[^\n]*on purpose")
    problem = refused(504, "HANDLER_TIMEOUT", ask "long")
    server:wait_log("handler=@http long [^\n]*ref=" .. problem.ref)
  end)

  it("looks at its declaration first", function()
    refused(400, "BAD_REQUEST", ask("order", { data = { id = "7" } }))
    assert.same({ id = 7 }, (select(2, ask("order", { data = { id = 7 } }))))
    local status, problem, head = ask("order", { data = { id = 7 } })
    refused(429, "RATE_LIMITED", status, problem, head)
    assert.matches("Retry-After: ", head, 1, true)
  end)

  it("knows only types that a script has, and not those of clients", function()
    for _, kind in ipairs { "none", "%00", "a%20b", "", ("x"):rep(65) } do
      local status = ask(kind)
      assert(status == 404 or status == 400, kind .. status)
    end
    local alice = server:connect "alice"
    alice:fails "@http echo"
    assert.equal("x", alice:request("echo", "x"))
    assert.equal(403, (ask("echo", {}, { "Authorization: Bearer " .. api.SENDER })))
    refused(400, "BAD_REQUEST", ask("echo", { date = 1 }))
  end)

  it("answers a repeat with the first answer, and one that comes too early 409", function()
    local headers = { "Authorization: Bearer " .. api.KEY, "Idempotency-Key: one" }
    local _, first = ask("count", {}, headers)
    assert.equal(first, (select(2, ask("count", {}, headers))))
    assert.equal(first + 1, (select(2, ask "count")))
    headers[2] = "Idempotency-Key: two"
    local peer = api.connect(server)
    peer:write(api.request("POST", "/api/v1/call/wait", '{"data":0.5}', headers))
    t.wait_until(function()
      local status = api.ask(server, "POST", "/api/v1/call/wait", '{"data":0.5}', headers)
      return status == 409
    end)
    assert.equal(200, (peer:read()))
    peer:close()
    local status, again = api.ask(server, "POST", "/api/v1/call/wait", '{"data":0.5}', headers)
    assert.equal(200, status)
    assert.equal("waited", again)
  end)

  it("takes an Idempotency-Key for one path and body only, and no refusal for an answer", function()
    local headers = { "Authorization: Bearer " .. api.KEY, "Idempotency-Key: path" }
    assert.equal(200, (ask("echo", {}, headers)))
    local status, problem = ask("count", {}, headers)
    assert.equal(422, status)
    assert.matches("another path or body", problem.detail, 1, true)
    headers[2] = "Idempotency-Key: rate"
    local server_of_one = t.server { options = api.options(), scripts = { ["main.lua"] = [[
      return { ["@http once"] = { rate = "20/s", burst = 1, handler = function() return 1 end } }
    ]] } }
    local function once(more)
      return api.ask(server_of_one, "POST", "/api/v1/call/once", "{}", more)
    end
    assert.equal(200, (once()))
    t.wait_until(function() return once() == 429 end)
    t.wait_until(function() return once(headers) == 200 end) -- after some that were refused
    server_of_one:stop()
  end)

  it("survives those who do not wait for the answer", function()
    for _ = 1, 20 do
      local peer = api.connect(server)
      peer:write(api.request("POST", "/api/v1/call/wait", '{"data":0.05}'))
      peer.conn:flush()
      peer:close()
    end
    assert.equal(200, (ask("wait", { data = 0.1 })))
  end)

  it("asks the scripts that are live", function()
    server:write("more.lua", 'return { ["@http more"] = function() return "more" end }')
    server:reload()
    assert.equal("more", (select(2, ask "more")))
  end)
end)

describe("A handler for backends", function()
  it("is refused when its type is none", function()
    local server = t.server { scripts = { ["main.lua"] = "return {}" } }
    for _, key in ipairs { "@http ", "@http a b", "@http  a", "@http join", "@http @x" } do
      server:write("main.lua", ("return { [%q] = function() end }"):format(key))
      assert.matches("type", (server:reload_fails()))
    end
    server:write("main.lua", 'return { ["@httpx"] = function() end }')
    assert.matches("is not a hook", (server:reload_fails()))
    server:stop()
  end)

  it("is answered when the server ends", function()
    local server = t.server { options = api.options(), scripts = { ["main.lua"] = SCRIPT } }
    local peer = api.connect(server)
    peer:write(api.request("POST", "/api/v1/call/wait", '{"data":60}'))
    server:wait_log "waits for 60"
    server:signal "TERM"
    local status, problem = peer:read()
    assert.equal(503, status)
    assert.equal("UNAVAILABLE", problem.code)
    assert.equal(0, (server:stop(false)))
  end)
end)
