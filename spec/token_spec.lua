-- SPDX-License-Identifier: MIT
-- Tokens: their signature, their claims, and the rules for them.
local jwt = require "spec.support.jwt"
local login = require "spec.support.login"
local t = require "perigee.testing"

local HS256 = { alg = "HS256", typ = "JWT" }
local try, refused = login.try, login.refused

describe("A token signed with a shared secret", function()
  local server, sign, now

  lazy_setup(function()
    server = t.server {
      options = {
        ["auth.issuer"] = "https://id.example",
        ["auth.audience"] = "chat",
      },
    }
    sign = jwt.hmac("sha256", server.secret)
    now = os.time()
  end)

  lazy_teardown(function() server:stop() end)

  -- Claims that are accepted, with some of them replaced; false removes one.
  local function claims(changes)
    local all = {
      sub = "alice", iss = "https://id.example", aud = "chat", exp = now + 600,
    }
    for name, value in pairs(changes or {}) do
      all[name] = value or nil
    end
    return all
  end

  local function make(changes)
    return jwt.make(HS256, claims(changes), sign)
  end

  it("is accepted", function()
    assert.equal("alice", try(server, make()).user)
  end)

  it("is refused without a signature", function()
    for _, alg in ipairs { "none", "None", "NONE" } do
      refused(server, jwt.make({ alg = alg, typ = "JWT" }, claims()))
      refused(server, jwt.make({ alg = alg, typ = "JWT" }, claims(), sign))
    end
    refused(server, jwt.make({ typ = "JWT" }, claims(), sign))
    refused(server, (make():gsub("[^.]+$", "")))
    refused(server, (make():gsub("%.[^.]+$", "")))
  end)

  it("is refused with the signature of another key", function()
    refused(server, jwt.make(HS256, claims(),
      jwt.hmac("sha256", "another secret of more than 32 bytes")))
    refused(server, jwt.make(HS256, claims(), jwt.hmac("sha256", "")))
  end)

  it("is refused when a byte of it has changed", function()
    local head, body, tail = make():match "(.*)%.(.*)%.(.*)"
    local other = jwt.make(HS256, claims { sub = "bob" }):match "%.(.*)%."
    refused(server, head .. "." .. other .. "." .. tail)
    local first = tail:sub(1, 1) == "A" and "B" or "A"
    refused(server, head .. "." .. body .. "." .. first .. tail:sub(2))
    refused(server, head .. "." .. body .. "." .. tail:sub(1, -5))
  end)

  it("is refused with another algorithm, though the key is right", function()
    refused(server, jwt.make({ alg = "HS512", typ = "JWT" }, claims(),
      jwt.hmac("sha512", server.secret)))
    refused(server, jwt.make({ alg = "HS384", typ = "JWT" }, claims(),
      jwt.hmac("sha384", server.secret)))
  end)

  it("is refused outside its time, give or take five seconds", function()
    refused(server, make { exp = now - 60 }, "TOKEN_EXPIRED")
    refused(server, make { exp = 0 }, "TOKEN_EXPIRED")
    refused(server, make { nbf = now + 600 }, "TOKEN_NOT_YET_VALID")
    assert.is_table(try(server, make { nbf = now - 60 }))
    assert.is_table(try(server, make { nbf = os.time() + 2 }))
    assert.is_table(try(server, make { exp = os.time() - 2 }))
  end)

  it("is refused if its times are no numbers", function()
    refused(server, make { exp = "tomorrow" })
    refused(server, make { exp = {} })
    refused(server, make { nbf = "yesterday" })
  end)

  it("is refused if its times are not in seconds", function()
    for unit, factor in pairs { milli = 1e3, micro = 1e6, nano = 1e9 } do
      refused(server, make { exp = (now + 600) * factor // 1 | 0 })
      server:wait_log("refused[^\n]* (in " .. unit .. "seconds)")
    end
    refused(server, make { nbf = now * 1000 })
    -- Far away is not odd: the last second of the year 9999, and for ever.
    for _, exp in ipairs { 253402300799, 1 << 53, math.maxinteger } do
      assert.is_table(try(server, make { exp = exp }))
    end
  end)

  it("may have claims of others that we could not read", function()
    for what, more in pairs {
      ["an integer of more than 63 bits"] = '"x":18446744073709551616',
      ["a number beyond a double"] = '"x":1e999',
      ["an escaped zero"] = '"x":"\\u0000"',
      ["half of a surrogate pair"] = '"x":"\\ud800"',
      ["a name that is one"] = '"\\ud800":1',
      ["the same name twice"] = '"x":1,"x":2',
      ["thousands of levels"] = '"x":' .. ("["):rep(2000) .. ("]"):rep(2000),
      ["another claim for names"] = '"id":{},"id":7,"iat":"then"',
    } do
      local text = ('{"exp":%d,"iss":"https://id.example","aud":"chat",%s,'
        .. '"sub":"alice"}'):format(now + 600, more)
      local info = try(server, jwt.make(HS256, text, sign))
      assert.equal("alice", info and info.user, what)
    end
  end)

  it("is refused if a claim that counts comes twice", function()
    for _, more in ipairs {
      '"exp":4000000000', '"sub":"bob"', '"iss":"https://id.example"',
      '"aud":"chat"', '"\\u0073ub":"bob"',
    } do
      refused(server, jwt.make(HS256, ('{"exp":%d,"iss":"https://id.example",'
        .. '"aud":"chat","sub":"alice",%s}'):format(now + 600, more), sign))
    end
  end)

  it("may have any type, and a header in any order", function()
    for _, header in ipairs {
      '{"typ":"at+jwt","alg":"HS256"}', '{ "alg" : "HS256" }',
      '{"alg":"HS256","kid":"k1","x5t":18446744073709551616}',
      '{"alg":"HS256","typ":5}',
    } do
      assert.is_table(try(server, jwt.make(header, claims(), sign)))
    end
  end)

  it("is refused for another issuer or audience", function()
    refused(server, make { iss = "https://evil.example" })
    refused(server, make { iss = false })
    refused(server, make { aud = "mail" })
    refused(server, make { aud = false })
    refused(server, make { aud = { "mail", "news" } })
    assert.is_table(try(server, make { aud = { "mail", "chat" } }))
  end)

  it("is refused without a user that can be a name", function()
    local function with(sub)
      return jwt.make(HS256, ('{"exp":%d,"iss":"https://id.example",'
        .. '"aud":"chat"%s}'):format(now + 600, sub), sign)
    end
    assert.equal("alice", try(server, with ',"sub":"alice"').user)
    for _, sub in ipairs {
      "", ',"sub":""', ',"sub":null', ',"sub":true', ',"sub":1.5',
      ',"sub":{}', ',"sub":{"a":1}', ',"sub":[]', ',"sub":["alice"]',
      ',"sub":"al\\u0000ice"',
    } do
      refused(server, with(sub))
    end
  end)

  it("may have an integer as user, or `id` instead of `sub`", function()
    assert.equal("42", try(server, make { sub = 42 }).user)
    assert.equal("9007199254740991",
      try(server, make { sub = 9007199254740991 }).user)
    assert.equal("carol", try(server, make { sub = false, id = "carol" }).user)
    assert.equal("7", try(server, make { sub = false, id = 7 }).user)
  end)

  it("may have up to 16 KiB", function()
    local groups = {}
    for i = 1, 400 do
      groups[i] = ("/departments/team-%03d"):format(i)
    end
    local token = make { groups = groups }
    assert.is_true(#token > 10000)
    assert.equal("alice", try(server, token).user)
    refused(server, make { fill = ("x"):rep(12400) })
    server:wait_log "(longer than auth%.token_bytes)"
  end)

  it("is refused if it is no token at all", function()
    for _, token in ipairs {
      ".", "..", "...", "a.b.c", "a.b.c.d", make() .. ".x", " " .. make(),
      "Bearer " .. make(), make() .. "\0", "\0", ("."):rep(5000),
      jwt.make("[]", claims(), sign), jwt.make(HS256, "[]", sign),
      jwt.make(HS256, "null", sign), jwt.make(HS256, "{", sign),
    } do
      refused(server, token)
    end
  end)
end)

describe("The rules for tokens", function()
  it("may demand an exp", function()
    local server = t.server { options = { ["auth.require_exp"] = "true" } }
    refused(server, t.sign({ sub = "alice" }, server.secret))
    server:wait_log "(there is no exp)"
    assert.is_table(try(server, server:token { sub = "alice" }))
  end)

  it("may look for the user in other objects", function()
    local server = t.server {
      options = { ["auth.user_claim"] = "user_metadata.id" },
    }
    local token = server:token { user_metadata = { id = 7, name = "x" } }
    assert.equal("7", try(server, token).user)
    -- A name with dots in it is one, too: those of Auth0 are addresses.
    assert.equal("bob",
      try(server, server:token { ["user_metadata.id"] = "bob" }).user)
    refused(server, server:token { sub = "alice" })
    refused(server, server:token { user_metadata = "x" })
    refused(server, server:token { user_metadata = { id = { id = 7 } } })
  end)

  it("may allow longer tokens, and shorter ones", function()
    local server = t.server { options = { ["auth.token_bytes"] = "1KiB" } }
    assert.is_table(try(server, server:token { sub = "alice" }))
    refused(server, server:token { sub = "a", fill = ("x"):rep(1000) })
    local mallory = server:connect { auth = false }
    mallory:send("auth", { token = ("x"):rep(2100) })
    mallory:expect_close(4507)
  end)
end)
