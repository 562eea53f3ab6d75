-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"

describe("A connection", function()
  local server

  lazy_setup(function()
    server = t.server {
      options = { ["heartbeat.interval_s"] = false,
        ["heartbeat.timeout_s"] = false },
      scripts = {
        ["main.lua"] = [[
          local perigee = require "perigee"
          return {
            echo = function(_, data) return data end,
            remember = function(client, data) client.state.word = data end,
            recall = function(client)
              return { word = client.state.word, rooms = client:rooms(),
                id = client.id }
            end,
            seen = function() return perigee.is_online "mallory" end,
            mark = function()
              perigee.send_to_user("bob", { type = "mark" })
            end,
          }
        ]],
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  it("is told who it is and what the server expects", function()
    local info = server:connect({ user = "alice" }).info
    assert.equal("alice", info.user)
    assert.is_not_nil(info.conn)
    assert.equal(25000, info.ping_ms)
    assert.equal(10000, info.pong_ms)
    assert.equal(65536, info.max_message)
    assert.equal(1, info.proto)
    assert.equal("integer", math.type(info.ttl))
    assert.is_true(info.ttl <= 3600 and info.ttl > 3500)
  end)

  it("has no ttl if its token does not expire", function()
    local token = t.sign({ sub = "alice" }, server.secret)
    assert.is_nil(server:connect({ token = token }).info.ttl)
  end)

  it("gets another id than any other", function()
    local one = server:connect { user = "alice" }
    local two = server:connect { user = "alice" }
    assert.not_equal(one.info.conn, two.info.conn)
  end)

  it("is refused with a bad token, then closed", function()
    local mallory = server:connect { auth = false }
    local ok, code, text = mallory:auth "not.a.token"
    assert.is_nil(ok)
    assert.equal("INVALID_TOKEN", code)
    assert.is_string(text)
    assert.equal("auth_failed", mallory:expect_close(4501))
    local bob = server:connect { user = "bob" }
    assert.is_false(bob:request "seen")
  end)

  it("is told when its token is too old", function()
    local alice = server:connect { auth = false }
    local token = server:token { sub = "alice", exp = os.time() - 60 }
    local _, code = alice:auth(token)
    assert.equal("TOKEN_EXPIRED", code)
    assert.equal("token_expired", alice:expect_close(4003))
  end)

  it("is told when its token will be valid", function()
    local alice = server:connect { auth = false }
    alice:send("auth", {
      token = server:token { sub = "alice", nbf = os.time() + 300 },
    })
    local data = alice:expect("auth_error").data
    assert.equal("TOKEN_NOT_YET_VALID", data.code)
    assert.is_true(data.retry)
    -- Less the leeway, and what time has passed.
    assert.is_true(data.retry_after_ms > 200000
      and data.retry_after_ms <= 295000)
    alice:expect_close(4003)
  end)

  it("is told whether to come again with another token", function()
    for token, retry in pairs {
      ["not.a.token"] = false,
      [server:token { sub = "alice", exp = os.time() - 60 }] = true,
    } do
      local alice = server:connect { auth = false }
      alice:send("auth", { token = token })
      local data = alice:expect("auth_error").data
      assert.equal(retry, data.retry)
      assert.is_nil(data.retry_after_ms)
      assert.is_nil(data.why)
    end
  end)

  for what, data in pairs {
    ["no data"] = "",
    ["no token"] = ',"data":{}',
    ["a number as token"] = ',"data":{"token":5}',
    ["null as token"] = ',"data":{"token":null}',
    ["an empty token"] = ',"data":{"token":""}',
    ["a token with a NUL"] = ',"data":{"token":"\\u0000"}',
    ["data that is no object"] = ',"data":"token"',
  } do
    it("is refused with " .. what, function()
      local mallory = server:connect { auth = false }
      mallory:send_text('{"type":"auth"' .. data .. "}")
      local problem = mallory:expect("auth_error").data
      assert.equal("INVALID_TOKEN", problem.code)
      if what == "no token" or what == "an empty token" then
        assert.equal("no token in the message", problem.message)
      end
      mallory:expect_close(4501)
    end)
  end

  it("gets nothing done before auth", function()
    local bob = server:connect { user = "bob" }
    local mallory = server:connect { auth = false }
    mallory:send "mark"
    mallory:send("join", { room = "r1" })
    local _, code = mallory:try "mark"
    assert.equal("UNAUTHENTICATED", code)
    _, code = mallory:try("join", { room = "r1" })
    assert.equal("UNAUTHENTICATED", code)
    mallory:expect_nothing()
    bob:expect_nothing()
  end)

  it("may play ping pong before auth", function()
    local alice = server:connect { auth = false }
    alice:send "pong"
    alice:send "ping"
    alice:expect "pong"
    assert.equal("alice", alice:auth(server:token { sub = "alice" }).user)
  end)

  it("may not send much before auth", function()
    local mallory = server:connect { auth = false }
    mallory:auth(("x"):rep(17000))
    mallory:expect_close(4501)
    mallory = server:connect { auth = false }
    mallory:send("auth", { token = ("x"):rep(18000) })
    assert.equal("too_large", mallory:expect_close(4507))
  end)

  describe("that refreshes its token", function()
    it("keeps its id, its rooms and its state", function()
      local alice = server:connect { user = "alice" }
      alice:send("join", { room = "r1" })
      alice:send("remember", "hello")
      local before = alice:request "recall"
      local later = { sub = "alice", exp = os.time() + 7200 }
      local info = alice:auth(server:token(later))
      assert.is_true(info.ttl > 3600)
      assert.equal(alice.info.conn, info.conn)
      assert.same(before, alice:request "recall")
      assert.same({ "r1" }, before.rooms)
      assert.equal("hello", before.word)
    end)

    it("cannot become someone else", function()
      local alice = server:connect { user = "alice" }
      local ok, code = alice:auth(server:token { sub = "bob" })
      assert.is_nil(ok)
      assert.is_string(code)
      alice:expect_close(4501)
    end)

    it("is closed if the new token is too old", function()
      local alice = server:connect { user = "alice" }
      local _, code = alice:auth(
        server:token { sub = "alice", exp = os.time() - 60 })
      assert.equal("TOKEN_EXPIRED", code)
      alice:expect_close(4003)
    end)

    it("is closed if the new token is forged", function()
      local alice = server:connect { user = "alice" }
      local forged = t.sign({ sub = "alice" }, "another secret of 32 bytes")
      local _, code = alice:auth(forged)
      assert.equal("INVALID_TOKEN", code)
      alice:expect_close(4501)
    end)
  end)

  it("may carry its own claims under another name", function()
    local own = t.server { options = { ["auth.user_claim"] = "email" } }
    local alice = own:connect { claims = { email = "alice@example.org" } }
    assert.equal("alice@example.org", alice.info.user)
    local bob = own:connect { auth = false }
    local _, code = bob:auth(own:token { sub = "bob" })
    assert.equal("INVALID_TOKEN", code)
    assert.equal(0, own:stop())
  end)
end)

describe("A login", function()
  local server

  lazy_setup(function()
    server = t.server {
      scripts = { ["main.lua"] = [[
        return { role = function(client) return client.claims.role end }
      ]] },
      options = { ["auth.leeway_s"] = 60 },
    }
  end)

  lazy_teardown(function() server:stop() end)

  it("has the rights of the newest token", function()
    local alice = server:connect {
      claims = { sub = "alice", role = "admin" },
    }
    assert.equal("admin", alice:request "role")
    alice:auth(server:token { sub = "alice", role = "guest" })
    assert.equal("guest", alice:request "role")
  end)

  it("stays for as long as the leeway lets its token in", function()
    local alice = server:connect {
      claims = { sub = "alice", role = "late", exp = os.time() - 40 },
    }
    assert.equal(0, alice.info.ttl)
    assert.equal("late", alice:request "role")
  end)

  -- 61 s after the end of the token: the grace of 25 s is not shorter than the
  -- leeway.
  it("is closed 4003 when its token has ended for good", function()
    local fleeting = { sub = "alice", role = "late", exp = os.time() - 57 }
    local alice = server:connect { claims = fleeting }
    local bob = server:connect { claims = fleeting }
    bob:auth(server:token { sub = "alice", role = "new" })
    assert.equal("token_expired", alice:expect_close(4003))
    assert.equal("new", bob:request "role")
    server:wait_log "user=alice closed by server code=4003"
  end)
end)

describe("In development mode a refused client", function()
  local server

  lazy_setup(function()
    server = t.server { mode = "dev", options = { ["admin.listen"] = "" } }
  end)

  lazy_teardown(function() server:stop() end)

  local function why(data)
    local alice = server:connect { auth = false }
    alice:send("auth", data)
    return alice:expect("auth_error").data.why
  end

  it("is told why", function()
    assert.matches("three parts", why { token = "none" })
    assert.matches("no token in the message", why {})
    assert.matches("milliseconds", why {
      token = server:token { sub = "alice", exp = (os.time() + 900) * 1000 },
    })
    assert.matches("names the user", why { token = server:token {} })
    assert.matches("signature", why {
      token = t.sign({ sub = "alice" }, "another secret of 32 bytes"),
    })
  end)
end)
