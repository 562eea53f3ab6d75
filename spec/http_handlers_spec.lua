-- SPDX-License-Identifier: MIT
-- ["@http METHOD /path"]: scripts answer plain HTTP.
local cli = require "spec.support.cli"
local http = require "spec.support.http"
local peers = require "spec.support.peer"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    ["@http GET /hello"] = function(request)
      return "hello " .. (request.query.name or "you")
    end,
    ["@http POST /echo/*"] = function(request) return request end,
    ["@http GET /files/*"] = function(request) return request.path end,
    ["@http GET /files/one"] = function() return "one" end,
    ["@http PUT /files/one"] = function() return "put" end,
    ["@http GET /users/:id"] = function(request) return request.params end,
    ["@http DELETE /users/:id"] = function(request) return "no " .. request.params.id end,
    ["@http GET /users/new"] = function() return "new" end,
    ["@http GET /users/:who/posts/:n"] = function(request) return request.params end,
    ["@http GET /users/:a/posts/last"] = function(request) return "last " .. request.params.a end,
    ["@http GET /users/me/posts/:n"] = function(request) return "mine " .. request.params.n end,
    ["@http GET /users/*"] = function(request) return "rest " .. request.path end,
    ["@http GET /ä"] = function() return "umlaut" end,
    ["@http POST /lua"] = function(request) return load(request.body)() end,
    ["@http GET /wait"] = function() perigee.sleep(0.2) return { waited = true } end,
    ["@http POST /long"] = { timeout = 0.2, handler = function() perigee.sleep(60) end },
    ["@http GET /busy"] = function() while true do end end,
    ["@http POST /order"] = { schema = { id = "integer" }, handler = function(request)
      return { id = request.data.id, body = request.body }
    end },
    ["@http GET /rare"] = { rate = "2/m", burst = 2, handler = function() return 1 end },
    ["@http DELETE /refuse"] = function(request)
      return nil, request.query.code, "not today", { why = request.query.code }
    end,
    ["@http POST /push"] = function(request)
      return perigee.send_to_user(request.query.user, { type = "news", data = request.body })
    end,
  }
]]

describe("A handler for plain HTTP", function()
  local server

  lazy_setup(function()
    server = t.server { scripts = { ["main.lua"] = SCRIPT } }
  end)

  lazy_teardown(function() server:stop() end)

  local function get(path, headers)
    return server:http { path = path, headers = headers }
  end

  -- What a handler that returns this is answered.
  local function returns(code)
    return server:http { path = "/lua", body = "return " .. code }
  end

  local function refused(status, code, answer)
    assert.equal(status, answer.status, answer.body)
    assert.equal("application/problem+json", answer.headers["content-type"])
    assert.equal(code, answer.data.code)
    assert.equal(status, answer.data.status)
    return answer.data
  end

  it("answers its path", function()
    local answer = get "/hello?name=a+%C3%A4%26"
    assert.equal(200, answer.status)
    assert.equal("hello a ä&", answer.body)
    assert.equal("text/plain; charset=utf-8", answer.headers["content-type"])
    assert.equal("umlaut", get "/%C3%A4".body)
    assert.equal("umlaut", get "/%c3%a4".body)
    assert.equal("hello you", get "/h%65llo".body)
  end)

  it("sees the request", function()
    local request = server:http { path = "/echo/a%20b?x=1&x=2&y&=z", body = "any \"body\"",
      headers = { ["X-Thing"] = "value", Cookie = "a=b" } }.data
    assert.equal("POST", request.method)
    assert.equal("/echo/a b", request.path)
    assert.equal("/echo/a%20b?x=1&x=2&y&=z", request.target)
    assert.same({ x = "2", y = "", [""] = "z" }, request.query)
    assert.equal("any \"body\"", request.body)
    assert.equal("127.0.0.1", request.ip)
    assert.equal("value", request.headers["x-thing"])
    assert.equal("a=b", request.headers.cookie)
    assert.is_nil(request.data)
  end)

  it("is chosen by the exact path, then by the longest beginning", function()
    assert.equal("one", get "/files/one".body)
    assert.equal("/files/two/three", get "/files/two/three".body)
    assert.equal("/files/", get "/files/".body)
    assert.equal(404, get "/files".status)
    assert.equal(404, get "/nothing".status)
    assert.equal("put", server:http { method = "PUT", path = "/files/one" }.body)
  end)

  it("may name parts of its path", function()
    assert.same({ id = "7" }, get "/users/7".data)
    assert.same({ id = "a b:ä" }, get "/users/a%20b%3a%C3%A4?id=8".data)
    assert.equal("new", get "/users/new".body)
    assert.equal("rest /users/", get "/users/".body)
    assert.equal("rest /users/7/", get "/users/7/".body)
    assert.same({ who = "bob", n = "3" }, get "/users/bob/posts/3".data)
    assert.equal("last bob", get "/users/bob/posts/last".body)
    assert.equal("mine last", get "/users/me/posts/last".body)
    assert.same({ who = "bob", n = "/x" }, get "/users/bob/posts/%2fx".data)
    assert.same({ who = "a/b", n = "c+d/" }, get "/us%65rs/a%2Fb/po%73ts/c+d%2f".data)
    assert.equal("rest /users/7", get "/users%2F7".body)
    assert.equal("rest /users/bob/posts//x", get "/users/bob/posts//x".body)
    assert.equal("no 7", server:http { method = "DELETE", path = "/users/7" }.body)
    local refusal = server:http { method = "PUT", path = "/users/7" }
    assert.equal(405, refusal.status)
    assert.equal("GET, DELETE, HEAD, OPTIONS", refusal.headers.allow)
    assert.same({}, server:http { path = "/echo/x", body = "y" }.data.params)
  end)

  it("is not reached by paths that can be read in two ways", function()
    for _, path in ipairs { "/files/../secret", "/files/%2e%2e/secret", "/files/.", "/files/%0aa",
      "/files/%ff", "/files/%c0%af", "/files/" .. ("x"):rep(1100) } do
      assert.equal(404, (http.get(server.port, path)), path)
    end
    assert.equal("/files//two", get "/files/%2ftwo".body)
  end)

  it("answers what it returns", function()
    local function expect(code, status, kind, body)
      local answer = returns(code)
      assert.equal(status, answer.status, code)
      assert.equal(kind, answer.headers["content-type"], code)
      assert.equal(body, answer.body, code)
    end
    expect('"text"', 200, "text/plain; charset=utf-8", "text")
    expect('"\\255"', 200, "application/octet-stream", "\255")
    expect("", 204, nil, "")
    expect("nil", 204, nil, "")
    expect("7", 200, "application/json", "7")
    expect("false", 200, "application/json", "false")
    expect("{ 1, 2 }", 200, "application/json", "[1,2]")
    expect('{ status = "open" }', 200, "application/json", '{"status":"open"}')
    expect("{ status = 201 }", 201, nil, "")
    expect('{ status = 200, body = { a = 1 } }', 200, "application/json", '{"a":1}')
    expect('{ status = 404, body = "none" }', 404, "text/plain; charset=utf-8", "none")
    expect('{ status = 200, headers = { ["content-type"] = "text/html" }, body = "<p>" }',
      200, "text/html", "<p>")
    local answer = returns [[{ status = 302, headers = {
      Location = "/hello", ["Set-Cookie"] = { "a=1", "b=2" }, ["X-N"] = 5 } }]]
    assert.equal(302, answer.status)
    assert.equal("/hello", answer.headers.location)
    assert.equal("a=1\nb=2", answer.headers["set-cookie"])
    assert.equal("5", answer.headers["x-n"])
    assert.equal("nosniff", answer.headers["x-content-type-options"])
    assert.equal("no-cache", answer.headers["cache-control"])
  end)

  it("is told what no answer can be", function()
    for code, text in pairs {
      ['{ status = 99 }'] = "the status must be 200 to 599, not 99",
      ['{ status = 101 }'] = "the status must be",
      ['{ status = 204, body = "x" }'] = "status 204 has no body",
      ['{ status = 200, items = {} }'] = "'items' is no part of an answer",
      ['{ status = 200, headers = "x" }'] = "headers must be a table",
      ['{ status = 200, headers = { a = "b\\r\\nc: d" } }'] = "header 'a' has a byte",
      ['{ status = 200, headers = { a = "b\\nc" } }'] = "header 'a' has a byte",
      ['{ status = 200, headers = { a = "b\\0" } }'] = "header 'a' has a byte",
      ['{ status = 200, headers = { a = { "b", "c\\r" } } }'] = "header 'a' has a byte",
      ['{ status = 200, headers = { ["a b"] = "c" } }'] = "is no name of a header",
      ['{ status = 200, headers = { ["a\\r\\nb"] = "c" } }'] = "header 'a\\x0d",
      ['{ status = 200, headers = { [1] = "c" } }'] = "the name of a header must be a string",
      ['{ status = 200, headers = { a = true } }'] = "header 'a' must be a string",
      ['{ status = 200, headers = { A = "1", a = "2" } }'] = "stands there twice",
      ['{ status = 200, headers = { Connection = "close" } }'] = "is the server's own",
      ['{ status = 200, headers = { ["content-length"] = 5 } }'] = "is the server's own",
      ['{ status = 200, headers = { ["Transfer-Encoding"] = "x" } }'] = "is the server's own",
      ['{ status = 200, headers = { a = ("x"):rep(20000) } }'] = "more than 16384 bytes",
      ['{ f = print }'] = "data.f: a function cannot be sent as JSON",
      ['{ status = 200, body = { f = print } }'] = "body.f: a function",
      ['("x"):rep(1 << 20):rep(17)'] = "a body has more than",
    } do
      local problem = refused(500, "HANDLER_ERROR", returns(code))
      local log = server:wait_log("ref=" .. problem.ref .. "([^\n]*)")
      assert.matches(text, log, 1, true)
      assert.matches("main.lua:18: what this function returned", log, 1, true)
    end
  end)

  it("may refuse, with the status of the code", function()
    for code, status in pairs { NOT_FOUND = 404, FORBIDDEN = 403, RATE_LIMITED = 429,
      ["my.own"] = 422 } do
      local problem = refused(status, code,
        server:http { method = "DELETE", path = "/refuse", query = { code = code } })
      assert.equal("not today", problem.detail)
      assert.same({ why = code }, problem.data)
    end
  end)

  it("tells errors by a reference only", function()
    local problem = refused(500, "HANDLER_ERROR", returns 'error "on purpose"')
    assert.equal("the handler failed", problem.detail)
    server:wait_log("handler=@http POST /lua [^\n]*ref=" .. problem.ref .. "[^\n]*on purpose")
    refused(504, "HANDLER_TIMEOUT", get "/busy")
  end)

  it("may wait, but not for ever", function()
    assert.same({ waited = true }, get "/wait".data)
    refused(504, "HANDLER_TIMEOUT", server:http { method = "POST", path = "/long" })
  end)

  it("reaches the clients", function()
    local alice = server:connect "alice"
    assert.equal("1", server:http { path = "/push?user=alice", body = "hi" }.body)
    assert.equal("hi", alice:expect "news".data)
  end)

  it("looks at its declaration first", function()
    local answer = server:http { path = "/order", body = ' { "id": 7 }\n' }
    assert.same({ id = 7, body = '{ "id": 7 }' }, answer.data)
    assert.equal("data.id: expected integer",
      refused(400, "BAD_REQUEST", server:http { path = "/order", body = '{"id":"7"}' }).detail)
    refused(400, "BAD_REQUEST", server:http { method = "POST", path = "/order" })
    refused(400, "BAD_JSON", server:http { path = "/order", body = '{"id":7' })
    refused(400, "BAD_JSON", server:http { path = "/order", body = "\0" })
  end)

  it("has a rate for each address", function()
    assert.equal(200, get "/rare".status)
    assert.equal(200, get "/rare".status)
    local answer = get "/rare"
    refused(429, "RATE_LIMITED", answer)
    local seconds = tonumber(answer.headers["retry-after"])
    assert(seconds >= 1 and seconds <= 30, seconds)
  end)

  it("answers HEAD for GET, without a body", function()
    local peer = peers.connect(server.port)
    peer:write "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n"
    local status, body, head = peer:read(true)
    assert.equal(200, status)
    assert.is_nil(body)
    assert.matches("Content-Length: 9\r\n", head, 1, true)
    peer:write "HEAD /wait HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
    assert.equal(200, (peer:read(true)))
    assert.equal("hello you", (select(2, peer:read())))
    peer:close()
  end)

  it("says which methods there are", function()
    local answer = server:http { method = "POST", path = "/hello", body = "" }
    refused(405, "BAD_REQUEST", answer)
    assert.equal("GET, HEAD, OPTIONS", answer.headers.allow)
    answer = server:http { path = "/lua" }
    refused(405, "BAD_REQUEST", answer)
    assert.equal("POST, OPTIONS", answer.headers.allow)
    answer = server:http { method = "PATCH", path = "/files/one" }
    assert.equal("GET, PUT, HEAD, OPTIONS", answer.headers.allow)
    answer = server:http { method = "OPTIONS", path = "/files/two" }
    assert.equal(204, answer.status)
    assert.equal("GET, HEAD, OPTIONS", answer.headers.allow)
    assert.equal(405, server:http { method = "OPTIONS", path = "/none" }.status)
  end)

  it("is compressed when that is asked for, and worth it", function()
    local function encoding(accept, code)
      local answer = server:http { path = "/lua", body = "return " .. code,
        headers = { ["Accept-Encoding"] = accept } }
      return answer.headers["content-encoding"], answer
    end
    local big = '("abc "):rep(5000)'
    local coding, answer = encoding("br, gzip", big)
    assert.equal("gzip", coding)
    assert.matches("Accept-Encoding", answer.headers.vary, 1, true)
    assert.equal("\31\139", answer.body:sub(1, 2))
    assert(#answer.body < 1000)
    local inflate = require "zlib".inflate()
    assert.equal(("abc "):rep(5000), (inflate(answer.body)))
    assert.equal("gzip", (encoding("*", big)))
    assert.equal("gzip", (encoding("GZIP;q=0.5", "{ a = " .. big .. "}")))
    for _, accept in ipairs { "", "identity", "br", "gzip;q=0", "gzip; q=0.000, *", "x-gzipped" } do
      assert.is_nil((encoding(accept, big)), accept)
    end
    for _, code in ipairs {
      '"short"', '("x"):rep(1023)',
      '{ status = 200, headers = { ["Content-Type"] = "image/png" }, body = ' .. big .. '}',
      '{ status = 200, headers = { ["Cache-Control"] = "no-transform" }, body = ' .. big .. '}',
      '{ status = 200, headers = { ETag = \'"1"\' }, body = ' .. big .. '}',
    } do
      assert.is_nil((encoding("gzip", code)), code)
    end
    assert.equal("br", (encoding("gzip",
      '{ status = 200, headers = { ["Content-Encoding"] = "br" }, body = ' .. big .. '}')))
  end)

  it("leaves the paths of the server alone", function()
    assert.equal("ok\n", get "/healthz".body)
    assert.equal(426, (http.get(server.port, "/ws")))
    assert.equal(404, get "/perigee.none".status)
  end)

  it("is counted, by what was answered", function()
    local admin = require "spec.support.admin"
    local function figure(name)
      local text = select(2, admin.get(server, "/metrics"))
      local sum = 0
      for value in text:gmatch("\nperigee_" .. name .. '_total{worker="%d+"} (%d+)') do
        sum = sum + tonumber(value)
      end
      return sum
    end
    local good, bad, failed = figure "http_2xx", figure "http_4xx", figure "http_5xx"
    get "/hello"
    refused(500, "HANDLER_ERROR", returns 'error "x"')
    server:http { path = "/lua" }
    assert.equal(good + 1, figure "http_2xx")
    assert.equal(bad + 1, figure "http_4xx")
    assert.equal(failed + 1, figure "http_5xx")
    assert(figure "http_us" > 200000) -- of /wait
  end)
end)

describe("Beside static files", function()
  local server

  lazy_setup(function()
    server = t.server { options = { public = cli.folder { ["a.txt"] = "file", hello = "file" } },
      scripts = { ["main.lua"] = SCRIPT .. "" } }
  end)

  lazy_teardown(function()
    server:stop()
    cli.cleanup()
  end)

  it("handlers come first", function()
    assert.equal("hello you", server:http { path = "/hello" }.body)
    assert.equal("file", server:http { path = "/a.txt" }.body)
    assert.equal(404, server:http { path = "/echo/x" }.status) -- may be a file
    assert.equal(405, server:http { path = "/order" }.status)
    assert.equal(405, server:http { method = "POST", path = "/a.txt" }.status)
  end)
end)

describe("In development mode", function()
  it("errors are told", function()
    local server = t.server { mode = "dev", scripts = { ["main.lua"] =
      'return { ["@http GET /"] = function() error "on purpose" end }' } }
    assert.matches("main.lua:1: on purpose", server:http { path = "/" }.data.detail, 1, true)
    server:stop()
  end)
end)

describe("A key for plain HTTP", function()
  it("is checked when the scripts are loaded", function()
    local server = t.server { scripts = { ["main.lua"] = "return {}" },
      options = { ["raw.path"] = "/raw" } }
    for key, text in pairs {
      ["@http HEAD /a"] = "HEAD is answered by the server",
      ["@http OPTIONS /a"] = "OPTIONS is answered by the server",
      ["@http FETCH /a"] = "'FETCH' is not one of DELETE GET PATCH POST PUT",
      ["@http get /a"] = "'get' is not one of",
      ["@http GET a"] = "does not begin with a slash",
      ["@http GET /a b"] = "without blanks",
      ["@http GET /a?b=1"] = "without blanks",
      ["@http GET /a%20b"] = "after decoding",
      ["@http GET /a*"] = "a star may only stand behind the last slash",
      ["@http GET /*/b"] = "a star may only stand",
      ["@http GET /a/../b"] = "a part that is empty, '.' or '..'",
      ["@http GET //a"] = "a part that is empty",
      ["@http GET /healthz"] = "the server answers /healthz itself",
      ["@http POST /ws"] = "the server answers /ws itself",
      ["@http GET /raw"] = "`raw.path` is that path",
      ["@http GET /a/:b/:b"] = "has the name 'b' twice",
      ["@http GET /a/:"] = "the part ':' is no name",
      ["@http GET /a/:b-c"] = "the part ':b-c' is no name",
      ["@http GET /a/{id}"] = "write the part '{id}' as ':id'",
      ["@http GET /a/:b/*"] = "a name and a star",
      ["@http GET /" .. ("x"):rep(256)] = "more than 256 bytes",
    } do
      server:write("main.lua", ("return { [%q] = function() end }"):format(key))
      assert.matches(text, (server:reload_fails()), 1, true)
    end
    server:write("main.lua", 'return { ["@http GET /a"] = 5 }')
    assert.matches("must be a function or", (server:reload_fails()), 1, true)
    server:write("main.lua", 'return { ["@http GET /a"] = function() end }')
    server:write("more.lua", 'return { ["@http GET /a"] = function() end }')
    assert.matches("has a handler in", (server:reload_fails()), 1, true)
    server:write("more.lua", [[return { ["@http GET /a/:b/c"] = print,
      ["@http PUT /a/:c/c"] = print, ["@http GET /a/:b/:c"] = print }]])
    server:reload()
    server:write("main.lua", 'return { ["@http GET /a/:x/c"] = print }')
    local problem = server:reload_fails()
    assert.matches("@http GET /a/:x/c", problem, 1, true)
    assert.matches("@http GET /a/:b/c", problem, 1, true)
    assert.matches("are for the same paths", problem, 1, true)
    server:stop()
  end)
end)
