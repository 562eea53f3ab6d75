-- SPDX-License-Identifier: MIT
-- Who gets into the console, and who does not.
local admin = require "spec.support.admin"
local api = require "spec.support.api"
local http = require "spec.support.http"
local t = require "perigee.testing"

local OPERATOR = "an-example-key-that-may-only-admin-00000"

local function serve(more)
  local options = { ["api.keys"] = ("ops:%s,shop:send:%s,night:admin:%s"):format(
    api.KEY, api.SENDER, OPERATOR) }
  for name, value in pairs(more or {}) do options[name] = value end
  return t.server { options = options }
end

describe("The console", function()
  local server, host

  local function start(more)
    server = serve(more)
    host = "localhost:" .. admin.port_of(server)
  end

  after_each(function() server:stop() end)

  -- Returns the status, the decoded answer, and the head.
  local function ask(method, path, ...)
    local lines = { ("%s %s HTTP/1.1"):format(method, path), "Host: " .. host, ... }
    if method == "POST" then lines[#lines + 1] = "Content-Length: 0" end
    local status, body, head = http.exchange(admin.port_of(server), lines)
    local ok, answer = pcall(t.decode, body)
    return status, ok and answer or body, head
  end

  local function enter(scheme, secret, ...)
    local status, answer, head = ask("POST", "/console/enter",
      ("Authorization: %s %s"):format(scheme, secret), ...)
    local cookie = head:match "Set%-Cookie: (perigee%-%d+=%x+);"
    return status, answer, head, cookie and {
      "Cookie: " .. cookie, "Perigee-Console: " .. answer.page, "Origin: http://" .. host,
    }
  end

  local function link(key)
    local status, answer = ask("POST", "/console/link", "Authorization: Bearer " .. key)
    assert.equal(200, status)
    return answer.link
  end

  it("is a page that loads nothing from elsewhere, and that nobody frames", function()
    start()
    local status, body, head = ask("GET", "/")
    assert.equal(200, status)
    assert.truthy(body:find("/console/console.js", 1, true))
    local policy = head:match "Content%-Security%-Policy: ([^\r]*)"
    for _, part in ipairs { "default-src 'none'", "script-src 'self'", "style-src 'self'",
      "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'" } do
      assert.truthy(policy:find(part, 1, true), part)
    end
    assert.falsy(policy:find("unsafe", 1, true))
    for _, field in ipairs { "X-Frame-Options: DENY", "X-Content-Type-Options: nosniff",
      "Referrer-Policy: no-referrer" } do
      assert.truthy(head:find(field, 1, true), field)
    end
    assert.falsy(body:find("<script>", 1, true))
    for path, kind in pairs { ["/console/console.js"] = "text/javascript",
      ["/console/console.css"] = "text/css", ["/console/icon.svg"] = "image/svg+xml" } do
      status, body, head = ask("GET", path)
      assert.equal(200, status)
      assert.truthy(#body > 100 and head:find("Content-Type: " .. kind, 1, true), path)
    end
    assert.equal(404, (ask("GET", "/console/other")))
    status, body, head = ask("POST", "/")
    assert.equal(405, status)
    assert.equal(405, body.status)
    assert.truthy(head:find("Allow: GET, HEAD", 1, true))
    assert.equal(405, (ask("GET", "/console/enter")))
  end)

  it("opens for a key with admin", function()
    start()
    local status, answer, head, session = enter("Bearer", OPERATOR)
    assert.equal(200, status)
    assert.equal("night", answer.key)
    assert.same({ "admin" }, answer.allow)
    local cookie = head:match "Set%-Cookie: ([^\r]*)"
    for _, part in ipairs { "; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200" } do
      assert.truthy(cookie:find(part, 1, true), part)
    end
    status, answer = ask("GET", "/console/about", table.unpack(session))
    assert.equal(200, status)
    assert.equal("night", answer.key)
    assert.equal(1, admin.metric(server, "perigee_console_sessions_total"))
  end)

  it("opens for no other key, and does not say why", function()
    start()
    local status, answer = ask("POST", "/console/enter")
    assert.equal(401, status)
    local _, other = enter("Bearer", "a-key-that-nobody-has-of-32-bytes-or-more")
    assert.equal(answer.detail, other.detail)
    status, answer = enter("Bearer", api.SENDER)
    assert.equal(403, status)
    assert.truthy(answer.detail:find("`shop` may not `admin`", 1, true))
    assert.equal(401, (ask("GET", "/console/about")))
  end)

  it("counts wrong keys as the API does", function()
    start()
    local limited
    for _ = 1, 40 do
      local status = enter("Bearer", "a-key-that-nobody-has-of-32-bytes-or-more")
      limited = limited or status == 429
      status = enter("Link", ("0"):rep(64))
      limited = limited or status == 429
    end
    assert.is_true(limited)
  end)

  it("opens once for a link", function()
    start()
    local secret = link(api.KEY)
    local status, answer = enter("Link", secret)
    assert.equal(200, status)
    assert.equal("ops", answer.key)
    status, answer = enter("Link", secret)
    assert.equal(401, status)
    assert.truthy(answer.detail:find("this link was used", 1, true))
    assert.falsy(server:log():find(secret, 1, true))
  end)

  it("makes no link without a key", function()
    start()
    assert.equal(401, (ask("POST", "/console/link")))
    assert.equal(403, (ask("POST", "/console/link", "Authorization: Bearer " .. api.SENDER)))
    local _, _, _, session = enter("Bearer", api.KEY)
    assert.equal(401, (ask("POST", "/console/link", table.unpack(session))))
  end)

  it("is a way to the calls that the key may make", function()
    start()
    local _, _, _, session = enter("Bearer", api.KEY)
    local status, answer = ask("GET", "/api/v1/rooms", table.unpack(session))
    assert.equal(200, status)
    assert.same({}, answer.rooms)
    _, _, _, session = enter("Bearer", OPERATOR)
    assert.equal(403, (ask("GET", "/api/v1/rooms", table.unpack(session))))
  end)

  it("makes tokens for the playground, for who may admin", function()
    start()
    local _, _, _, session = enter("Bearer", OPERATOR)
    local _, about = ask("GET", "/console/about", table.unpack(session))
    assert.equal(tonumber(server.port), about.clients.port)
    local status, answer = api.call(server, "token", { user = 'a "b"' })
    assert.equal(200, status)
    local client = server:connect { token = answer.token }
    assert.equal('a "b"', client.info.user)
    assert.equal(403, (api.call(server, "token", { user = "alice" },
      { "Authorization: Bearer " .. api.SENDER })))
  end)

  it("lets its page connect, but no stranger's", function()
    start()
    local _, _, head = ask("GET", "/")
    assert.truthy(head:find(("connect-src 'self' ws://localhost:%d;"):format(server.port), 1, true))
    local function upgrade(origin)
      return (http.exchange(server.port, { "GET /ws HTTP/1.1", "Host: localhost:" .. server.port,
        "Origin: " .. origin, http.upgrade() }))
    end
    assert.equal(403, upgrade "http://localhost:1")
    assert.equal(403, upgrade("http://evil.example:" .. admin.port_of(server)))
  end)

  it("needs both secrets, and its own origin", function()
    start()
    local _, _, _, session = enter("Bearer", api.KEY)
    local cookie, page, origin = table.unpack(session)
    for name, lines in pairs {
      cookie = { cookie, origin }, page = { page, origin },
      stranger = { cookie, page, "Origin: http://evil.example" },
      port = { cookie, page, "Origin: http://localhost:1" },
      null = { cookie, page, "Origin: null" },
      swapped = { cookie:gsub("=.*", "=" .. page:match "%x+$"), page },
    } do
      assert.equal(401, (ask("GET", "/api/v1/rooms", table.unpack(lines))), name)
      local status = ask("POST", "/reload?check=1", lines[1], lines[2], lines[3])
      assert.equal(lines[#lines]:find "^Origin" and 403 or 200, status, name)
    end
    assert.equal(200, (ask("POST", "/reload?check=1", table.unpack(session))))
  end)

  it("is not for a name that a stranger has made", function()
    start()
    local status = http.exchange(admin.port_of(server), {
      "GET / HTTP/1.1", "Host: evil.example" })
    assert.equal(403, status)
    assert.equal(403, (ask("POST", "/console/enter", "Origin: http://evil.example",
      "Authorization: Bearer " .. api.KEY)))
  end)

  it("is left, and then it is shut", function()
    start()
    local _, _, _, session = enter("Bearer", api.KEY)
    local status, _, head = ask("POST", "/console/leave", table.unpack(session))
    assert.equal(200, status)
    assert.truthy(head:find("Max-Age=0", 1, true))
    assert.equal(401, (ask("GET", "/console/about", table.unpack(session))))
  end)

  it("is shut when its time is over", function()
    start { ["console.session_s"] = 1 }
    local _, _, _, session = enter("Bearer", api.KEY)
    assert.equal(200, (ask("GET", "/console/about", table.unpack(session))))
    t.wait_until(function()
      return ask("GET", "/console/about", table.unpack(session)) == 401
    end)
  end)

  it("is not at api.listen", function()
    start { ["api.listen"] = "127.0.0.1:0" }
    local port = server:log():match "api=[%d.]+:(%d+)"
    assert.equal(401, (http.get(port, "/")))
    local _, _, _, session = enter("Bearer", api.KEY)
    assert.equal(401, (http.get(port, "/api/v1/rooms", table.unpack(session))))
  end)

  it("keeps its secrets out of the log", function()
    start { ["log.level"] = "debug" }
    local _, answer, head = enter("Link", link(api.KEY))
    enter("Bearer", api.KEY)
    local log = server:log()
    assert.truthy(log:find("console session begun key=ops", 1, true))
    for _, secret in ipairs { answer.page, head:match "=(%x+);", api.KEY } do
      assert.falsy(log:find(secret, 1, true))
    end
  end)
end)
