-- SPDX-License-Identifier: MIT
-- What the HTTP API refuses: keys, groups, methods, bodies; and that nothing
-- was done then.
local admin = require "spec.support.admin"
local api = require "spec.support.api"
local t = require "perigee.testing"

local MESSAGE = { all = true, message = { type = "news" } }

describe("The HTTP API refuses", function()
  local server, alice

  lazy_setup(function()
    server = t.server { options = api.options {
      ["http.body_bytes"] = "2KiB", ["limits.handshake_timeout_s"] = 0.5 } }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect "alice" end)
  local function refused(expected, status, problem, head)
    assert.equal(expected.status, status, t.encode(problem))
    assert.equal(expected.code, problem.code)
    assert.equal(status, problem.status)
    assert.is_string(problem.title)
    assert.is_string(problem.detail)
    assert.matches("application/problem+json", head, 1, true)
    if expected.detail then
      assert.matches(expected.detail, problem.detail, 1, true)
    end
    if expected.head then
      assert.matches(expected.head, head, 1, true)
    end
    return problem
  end

  -- An example, after which nobody has heard anything.
  local function refuses(what, example)
    it(what, function()
      example()
      alice:expect_nothing()
    end)
  end

  refuses("a missing key and a wrong one, in the same words", function()
    local seen
    for _, headers in ipairs { {}, { "Authorization: Bearer " }, { "Authorization: Bearer x" },
      { "Authorization: Bearer " .. api.KEY .. "x" }, { "Authorization: Basic " .. api.KEY },
      { "Authorization: " .. api.KEY } } do
      local problem = refused({ status = 401, code = "UNAUTHENTICATED",
        head = "WWW-Authenticate: Bearer" }, api.call(server, "send", MESSAGE, headers))
      seen = seen or problem.detail
      assert.equal(seen, problem.detail)
      assert.is_nil(server:log():find(api.KEY, 1, true))
    end
  end)

  refuses("more of them than 10 a second, but not who has a key", function()
    local statuses = {}
    t.wait_until(function()
      local status = api.call(server, "send", MESSAGE, {})
      statuses[status] = true
      return status == 429
    end)
    assert.is_nil(statuses[200])
    assert.equal(200, (api.ask(server, "GET", "/api/v1/openapi.json")))
  end)

  refuses("what the key may not do", function()
    local other = t.server { options = {
      ["api.keys"] = "reader:read+call:" .. api.KEY } }
    refused({ status = 403, code = "FORBIDDEN", detail = "`reader` may not `send`" },
      api.call(other, "send", MESSAGE))
    assert.equal(200, (api.ask(other, "GET", "/api/v1/openapi.json")))
    other:stop()
  end)

  refuses("other methods, and says which it wants", function()
    for _, method in ipairs { "GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD" } do
      local peer = api.connect(server)
      peer:write(api.request(method, "/api/v1/send"))
      local head = peer.conn:read "*l"
      assert.matches(" 405 ", head, 1, true)
      peer:close()
    end
    refused({ status = 405, code = "BAD_REQUEST", head = "\r\nAllow: POST\r\n" },
      api.ask(server, "GET", "/api/v1/send"))
    refused({ status = 405, code = "BAD_REQUEST", head = "\r\nAllow: GET, HEAD\r\n" },
      api.ask(server, "POST", "/api/v1/openapi.json", "{}"))
  end)

  refuses("calls that are none", function()
    for _, path in ipairs { "/api/v1/", "/api/v1/sends", "/api/v1/send/", "/api/v2/send",
      "/api/" } do
      refused({ status = 404, code = "NOT_FOUND" }, api.ask(server, "POST", path, "{}"))
    end
  end)

  refuses("bodies that are not JSON", function()
    for _, body in ipairs { "", "{", "all=true", '{"all":true}}', '{"all":TRUE}', "\xff",
      '{"all":true,"message":{"type":"x","data":01}}' } do
      refused({ status = 400, code = "BAD_JSON" },
        api.ask(server, "POST", "/api/v1/send", body))
    end
  end)

  refuses("bodies that are not what the call takes", function()
    local wrong = {
      ["[]"] = "is an object",
      ['{"message":{"type":"x"}}'] = "exactly one of",
      ['{"all":false,"message":{"type":"x"}}'] = "exactly one of",
      ['{"all":true,"user":"alice","message":{"type":"x"}}'] = "exactly one of",
      ['{"all":true}'] = "`message` must be given",
      ['{"user":"alice","mesage":{"type":"x"}}'] = "`mesage`",
      ['{"user":"alice","message":{"type":"pong"}}'] = "the protocol's own",
      ['{"user":"alice","user":"bob","message":{"type":"x"}}'] = "`user` stands twice",
      ['{"user":7,"message":{"type":"x"}}'] = "`user` is a text",
      ['{"user":"","message":{"type":"x"}}'] = "`user`",
      ['{"user":"a\\u0000","message":{"type":"x"}}'] = "`user`",
      ['{"users":"alice","message":{"type":"x"}}'] = "`users` is an array",
      ['{"users":[],"message":{"type":"x"}}'] = "`users`",
      ['{"users":["alice",1],"message":{"type":"x"}}'] = "`users`",
      ['{"all":1,"message":{"type":"x"}}'] = "`all` is true or false",
      ['{"all":true,"message":"x"}'] = "`message` is an object",
      ['{"all":true,"message":{}}'] = "needs a `type`",
      ['{"all":true,"message":{"type":"a b"}}'] = "`type`",
      ['{"all":true,"message":{"type":"x","id":1}}'] = "`type` and `data` only",
    }
    for body, detail in pairs(wrong) do
      refused({ status = 400, code = "BAD_REQUEST", detail = detail },
        api.ask(server, "POST", "/api/v1/send", body))
    end
  end)

  refuses("bodies that are too large, before they have come", function()
    local peer = api.connect(server)
    peer:write("POST /api/v1/send HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
      .. api.KEY .. "\r\nContent-Length: 2049\r\n\r\n")
    refused({ status = 413, code = "TOO_LARGE", head = "Connection: close" }, peer:read())
    peer:close()
    local big = t.encode { all = true, message = { type = "x", data = ("x"):rep(5000) } }
    refused({ status = 413, code = "TOO_LARGE" }, api.ask(server, "POST", "/api/v1/send", big))
  end)

  refuses("bodies that do not come in time", function()
    local peer = api.connect(server)
    peer:write("POST /api/v1/send HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
      .. api.KEY .. "\r\nContent-Length: 40\r\n\r\n{\"all\":true,")
    refused({ status = 408, code = "BAD_REQUEST" }, peer:read())
    assert.is_nil(peer:read())
    peer:close()
  end)

  refuses("an Idempotency-Key that is none, or has another body", function()
    local function call(args, text)
      return api.call(server, "send", args,
        { "Authorization: Bearer " .. api.KEY, "Idempotency-Key: " .. text })
    end
    refused({ status = 400, code = "BAD_REQUEST", detail = "Idempotency-Key" },
      call(MESSAGE, ("x"):rep(200)))
    local quiet = { user = "nobody", message = { type = "x" } }
    assert.equal(200, (call(quiet, "other-body")))
    refused({ status = 422, code = "BAD_REQUEST" }, call(MESSAGE, "other-body"))
  end)

  refuses("and logs which key it was, with a reference, and counts", function()
    local before = admin.metric(server,
      'perigee_api_requests_total{call="send",result="problem"}')
    local _, problem = api.call(server, "send", { message = { type = "log" } },
      { "Authorization: Bearer " .. api.SENDER })
    server:wait_log("api status=400 key=shop call=send ip=127%.0%.0%.1 ref=" .. problem.ref)
    assert.equal(before + 1, admin.metric(server,
      'perigee_api_requests_total{call="send",result="problem"}'))
    assert.is_nil(server:log():find(api.SENDER, 1, true))
  end)
end)

describe("Without api.keys", function()
  it("there is no API", function()
    local server = t.server {}
    assert.equal(404, (admin.post(server, "/api/v1/send")))
    assert.is_nil(admin.metric(server, "perigee_api_connections"))
  end)
end)
