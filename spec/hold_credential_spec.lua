-- SPDX-License-Identifier: MIT
-- Tokens that come with the handshake.
local cli = require "spec.support.cli"
local http = require "spec.support.http"
local Client = require "perigee.testing_client"
local sessions = require "spec.support.sessions"
local t = require "perigee.testing"

local scripts = {
  ["main.lua"] = [[
    return {
      who = function(client) return client.user_id end,
      cookie_bytes = function(client) return #client.headers.cookie end,
      ["@auth"] = function(client, claims)
        if claims.banned then
          return nil, "app.banned", "You are banned"
        end
      end,
    }
  ]],
}

local function open(server, headers)
  return server:connect { auth = false, headers = headers }
end

describe("A token in the handshake", function()
  local server, token

  lazy_setup(function()
    server = t.server {
      scripts = scripts,
      options = { ["auth.header"] = "true", ["auth.cookie"] = "sid" },
    }
    token = server:token { sub = "alice" }
  end)

  lazy_teardown(function() server:stop() end)

  it("logs in from the Authorization header", function()
    local alice = open(server, { authorization = "Bearer " .. token })
    local info = alice:expect("auth_ok")
    assert.equal("alice", info.data.user)
    assert.is_nil(info.id)
    assert.equal("alice", alice:request "who")
  end)

  it("logs in from the cookie", function()
    local alice = open(server, { cookie = "a=b; sid=" .. token .. "; c=d" })
    assert.equal("alice", alice:expect("auth_ok").data.user)
    assert.equal("alice", alice:request "who")
  end)

  it("waits for the message that asks for a session, if the handshake says so",
    function()
      local function connect()
        local client = assert(Client.new(server.ws_url .. "?a=b&auth=message",
          { cookie = "sid=" .. token }))
        client.timeout = t.timeout
        table.insert(server.clients, client)
        return client
      end
      local alice = sessions.open(server, "alice", { connect = connect, token = false })
      assert.equal("alice", alice:request "who")
      local id = alice.client.info.conn
      alice:cut()
      assert.is_true(alice:resume().session.resumed)
      assert.equal(id, alice.client.info.conn)
      assert.equal("alice", alice:request "who")
      local bob = connect() -- what is in the message is preferred
      bob:send("auth", { token = server:token { sub = "bob" } })
      assert.equal("bob", bob:expect("auth_ok").data.user)
      bob:send("auth", {}) -- a refresh needs a token of its own
      bob:expect "auth_error"
      bob:expect_close(4501)
      local nobody = connect()
      nobody:send("auth", { token = "" })
      nobody:expect "auth_error"
      nobody:expect_close(4501)
    end)

  it("that was not there is not asked for", function()
    local client = assert(Client.new(server.ws_url .. "?auth=message"))
    client.timeout = t.timeout
    table.insert(server.clients, client)
    client:send("auth", { session = {} })
    client:send("ping", nil, 1)
    assert.equal("pong", client:expect("pong").type)
    client:send("auth", { token = token, session = {} })
    assert.equal("table", type(client:expect("auth_ok").data.session))
  end)

  it("may stand among many cookies, or be long", function()
    local alice = open(server, { cookie = "_ga=" .. ("x"):rep(15000)
      .. "; sid=" .. token })
    assert.equal("alice", alice:expect("auth_ok").data.user)
    assert.is_true(alice:request "cookie_bytes" > 15000)
    local bob = open(server, { authorization = "Bearer " .. server:token {
      sub = "bob", groups = ("g"):rep(9000) } })
    assert.equal("bob", bob:expect("auth_ok").data.user)
  end)

  it("of the header comes before that of the cookie", function()
    local bob = open(server, { authorization = "bearer "
      .. server:token { sub = "bob" }, cookie = "sid=" .. token })
    assert.equal("bob", bob:expect("auth_ok").data.user)
    local alice = open(server, { authorization = "Basic Ym9i",
      cookie = "sid=" .. token })
    assert.equal("alice", alice:expect("auth_ok").data.user)
  end)

  it("that is no good is told, and closed 4501; one that has ended, 4003", function()
    for headers, told in pairs {
      [{ cookie = "sid=nonsense" }] = { "INVALID_TOKEN", 4501 },
      [{ authorization = "Bearer x.y.z" }] = { "INVALID_TOKEN", 4501 },
      [{ cookie = "sid=" .. server:token { sub = "a", exp = 1 } }] = { "TOKEN_EXPIRED", 4003 },
      [{ cookie = "sid=" .. server:token { sub = "a", banned = true } }] = { "app.banned", 4501 },
    } do
      local mallory = open(server, headers)
      assert.equal(told[1], mallory:expect("auth_error").data.code)
      mallory:expect_close(told[2])
    end
  end)

  it("is not needed", function()
    for _, headers in ipairs { {}, { cookie = "xsid=" .. token },
      { cookie = "sid=" }, { authorization = token } } do
      local alice = open(server, headers)
      alice:expect_nothing()
      assert.equal("alice", alice:auth(token).user)
    end
  end)

  it("is followed by a refresh, if auth is sent as well", function()
    local alice = open(server, { cookie = "sid=" .. token })
    alice:expect "auth_ok"
    assert.is_table(alice:auth(token))
    local other = open(server, { cookie = "sid=" .. token })
    other:expect "auth_ok"
    local _, code = other:auth(server:token { sub = "bob" })
    assert.equal("INVALID_TOKEN", code)
    other:expect_close(4501)
  end)

  it("does not help a page of somebody else", function()
    local status = http.get(server.port, "/ws", "Origin: https://evil.example",
      "Cookie: sid=" .. token, http.upgrade())
    assert.equal(403, status)
  end)
end)

describe("Without the options", function()
  it("the handshake logs nobody in", function()
    local server = t.server { scripts = scripts }
    local token = server:token { sub = "alice" }
    local alice = open(server, { authorization = "Bearer " .. token,
      cookie = "sid=" .. token })
    alice:expect_nothing()
    alice:send("who", nil, 1)
    assert.equal("UNAUTHENTICATED", alice:expect("error").data.code)
  end)
end)

describe("A server with a cookie for tokens", function()
  after_each(cli.cleanup)

  local function check(...)
    return cli.run { "check", cli.folder(scripts),
      "--auth.secret=an example secret of more than 32 bytes", ... }
  end

  it("does not start if any page may connect", function()
    for _, origins in ipairs { "*", "https://a.example,*", "https://*" } do
      local status, _, problem = check("--auth.cookie=sid",
        "--origins=" .. origins)
      assert.not_equal(0, status)
      assert.matches("auth.cookie, origins", problem, 1, true)
    end
    assert.equal(0, (check("--auth.cookie=sid")))
    assert.equal(0, (check("--auth.cookie=sid",
      "--origins=https://*.a.example")))
    assert.equal(0, (check "--origins=*"))
  end)

  it("does not start if its name is none", function()
    local status, _, problem = check "--auth.cookie=a=b"
    assert.not_equal(0, status)
    assert.matches("auth.cookie: `a=b`", problem, 1, true)
  end)
end)
