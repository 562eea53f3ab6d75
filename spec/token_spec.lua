-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"
local jwt = require "spec.support.jwt"

local HS256 = { alg = "HS256", typ = "JWT" }

-- Sends the token on a new connection; returns the auth_ok data, or the code
-- of the refusal after the close that must follow.
local function try(server, token)
  local client = server:connect { auth = false }
  local info, code = client:auth(token)
  if info then
    return info
  end
  client:expect_close(4501)
  return nil, code
end

local function refused(server, token, expected)
  local info, code = try(server, token)
  assert.is_nil(info)
  assert.equal(expected or "INVALID_TOKEN", code)
end

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
    refused(server, make { nbf = now + 600 })
    assert.is_table(try(server, make { nbf = now - 60 }))
    assert.is_table(try(server, make { nbf = os.time() + 2 }))
    assert.is_table(try(server, make { exp = os.time() - 2 }))
  end)

  it("is refused if its times are no numbers", function()
    refused(server, make { exp = "tomorrow" })
    refused(server, make { exp = {} })
    refused(server, make { nbf = "yesterday" })
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

  it("may have up to four kilobytes, not six", function()
    assert.equal("alice", try(server, make { fill = ("x"):rep(2800) }).user)
    refused(server, make { fill = ("x"):rep(4400) })
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

describe("A token signed with a private key", function()
  local server, key, public, dir

  lazy_setup(function()
    key = jwt.new_rsa_key()
    public = key:toPEM "public"
    dir = io.popen("mktemp -d"):read "l"
    local file <close> = assert(io.open(dir .. "/public.pem", "w"))
    file:write(public)
    file:close()
    server = t.server {
      options = {
        ["auth.algorithm"] = "RS256",
        ["auth.secret"] = false,
        ["auth.public_key_file"] = dir .. "/public.pem",
      },
    }
  end)

  lazy_teardown(function()
    server:stop()
    os.execute("rm -r " .. dir)
  end)

  local RS256 = { alg = "RS256", typ = "JWT" }

  it("is accepted", function()
    local token = jwt.make(RS256, { sub = "alice" }, jwt.rsa(key))
    assert.equal("alice", try(server, token).user)
  end)

  it("is refused from another private key", function()
    local sign = jwt.rsa(jwt.new_rsa_key())
    refused(server, jwt.make(RS256, { sub = "alice" }, sign))
  end)

  it("is refused if the public key was used as a shared secret", function()
    for _, text in ipairs { public, (public:gsub("\n$", "")) } do
      local sign = jwt.hmac("sha256", text)
      refused(server, jwt.make(HS256, { sub = "alice" }, sign))
      refused(server, jwt.make(RS256, { sub = "alice" }, sign))
    end
  end)
end)
