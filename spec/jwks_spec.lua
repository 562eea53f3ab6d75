-- SPDX-License-Identifier: MIT
-- Key sets, from files and from an address.
local basexx = require "basexx"
local cli = require "spec.support.cli"
local jwt = require "spec.support.jwt"
local servers = require "spec.support.servers"
local t = require "perigee.testing"
local web = require "spec.support.web"

local start = servers { options = { ["auth.secret"] = false } }
local one, two -- private keys

lazy_setup(function()
  one, two = jwt.new_rsa_key(), jwt.new_rsa_key()
end)

local function token(key, kid, user, alg)
  return jwt.make({ alg = alg or "RS256", kid = kid },
    { sub = user or "alice" }, jwt.rsa(key))
end

-- The user that the token lets in, or nil, the data of auth_error, and the
-- close code.
local function try(server, text)
  local client = server:connect { auth = false }
  client:send("auth", { token = text })
  local answer = t.decode(client:receive())
  if answer.type == "auth_ok" then
    client:drop()
    return answer.data.user
  end
  client:expect_close()
  return nil, answer.data, client.ws.got_close_code
end

local function refused(server, text, why)
  local before = #server:log() + 1
  local user, data = try(server, text)
  assert.is_nil(user)
  assert.equal("INVALID_TOKEN", data.code)
  assert.is_false(data.retry)
  server:wait_log("auth refused[^\n]*(" .. why .. ")", before)
end

describe("A key set in a file", function()
  local dir

  before_each(function() dir = cli.folder() end)
  after_each(cli.cleanup)

  local function write(text)
    local file <close> = assert(io.open(dir .. "/jwks.json", "w"))
    file:write(text)
  end

  local function serve(text, algorithm)
    write(text)
    return start { ["auth.jwks_file"] = dir .. "/jwks.json",
      ["auth.algorithm"] = algorithm }
  end

  it("has a key for each token, by its id", function()
    local server = serve(jwt.jwks(jwt.jwk(one, { kid = "1", alg = "RS256" }),
      jwt.jwk(two, { kid = "2", alg = "RS256" })))
    assert.equal("alice", try(server, token(one, "1")))
    assert.equal("bob", try(server, token(two, "2", "bob")))
    assert.equal("carol", try(server, token(two, nil, "carol")))
    refused(server, token(one, "2"), "signature does not match")
    refused(server, token(one, "3"), "no key has its key id")
  end)

  it("has keys for their own algorithm only", function()
    local server = serve(jwt.jwks(jwt.jwk(one, { kid = "1", alg = "RS512" }),
      jwt.jwk(two, { kid = "2" })))
    refused(server, token(one, "1"), "no key has its key id")
    assert.equal("alice", try(server, token(two, "2")))
    for _, secret in ipairs {
      jwt.jwk(two).n, basexx.from_url64(jwt.jwk(two).n),
      two:toPEM "public",
    } do
      refused(server, jwt.make({ alg = "HS256", kid = "2" },
        { sub = "mallory" }, jwt.hmac("sha256", secret)), "algorithm")
    end
    refused(server, jwt.make({ alg = "none", kid = "2" }, { sub = "mallory" }),
      "algorithm")
  end)

  it("may have to keep to one algorithm", function()
    local server = serve(jwt.jwks(jwt.jwk(one, { kid = "1" })), "RS384")
    refused(server, token(one, "1"), "algorithm")
  end)

  it("may have secrets, and be replaced without a restart", function()
    local function secret(kid, letter)
      return { kty = "oct", kid = kid, alg = "HS256",
        k = basexx.to_url64(letter:rep(32)) }
    end
    local function signed(kid, letter)
      return jwt.make({ alg = "HS256", kid = kid }, { sub = "alice" },
        jwt.hmac("sha256", letter:rep(32)))
    end
    local server = serve(jwt.jwks(secret("1", "a"), secret("2", "b")))
    assert.equal("alice", try(server, signed("1", "a")))
    assert.equal("alice", try(server, signed("2", "b")))
    refused(server, signed("1", "b"), "signature does not match")
    write(jwt.jwks(secret("2", "b"), secret("3", "c")))
    server:reload()
    refused(server, signed("1", "a"), "no key has its key id")
    assert.equal("alice", try(server, signed("2", "b")))
    assert.equal("alice", try(server, signed("3", "c")))
    write "{}"
    assert.matches("jwks.json: ", server:reload_fails(), 1, true)
    assert.equal("alice", try(server, signed("3", "c")))
    assert.is_nil(server:log():find(basexx.to_url64(("c"):rep(32)), 1, true))
  end)

  it("leaves out what is no key for signatures, and says so", function()
    local server = serve(jwt.jwks(
      jwt.jwk(two, { kid = "enc", use = "enc" }),
      { kty = "RSA", kid = "empty" },
      { kty = "EC", crv = "P-256", kid = "off", x = ("A"):rep(43),
        y = ("A"):rep(43) },
      { kty = "oct", kid = "short", k = "c2hvcnQ", alg = "HS256" },
      { kty = "OKP", crv = "X25519", kid = "x", x = ("A"):rep(43) },
      jwt.jwk(two, { kid = "odd", alg = "RSA-OAEP" }),
      "no key", jwt.jwk(one, { kid = "1" })))
    assert.equal("alice", try(server, token(one, "1")))
    local line = server:wait_log "warn[^\n]*(left out[^\n]*)"
    for _, kid in ipairs { "enc", "empty", "off", "short", "x", "odd" } do
      assert.truthy(line:find("(" .. kid .. ")", 1, true), kid)
    end
    refused(server, token(two, "enc"), "no key has its key id")
  end)

  for what, text in pairs {
    ["no JSON"] = "keys", ["no keys"] = "{}", ["an empty set"] = '{"keys":[]}',
    ["keys that are no list"] = '{"keys":{}}',
    ["no key of use"] = '{"keys":[{"kty":"RSA"}]}',
  } do
    it("with " .. what .. " is refused by check", function()
      write(text)
      local status, _, problem = cli.run { "check", cli.folder(),
        "--auth.jwks_file=" .. dir .. "/jwks.json" }
      assert.not_equal(0, status)
      assert.truthy(problem:find("jwks.json", 1, true), problem)
    end)
  end
end)

describe("A key set at an address", function()
  local site

  before_each(function() site = web.start() end)
  after_each(function() site:stop() end)

  local function publish(...)
    site:post("/keep/jwks", jwt.jwks(...))
  end

  local function fetched()
    local _, count = site:get "/count/jwks"
    return tonumber(count)
  end

  local function serve(page, secret)
    return start { ["auth.jwks_url"] = site.url .. (page or "/kept/jwks"),
      ["auth.secret"] = secret }
  end

  it("is there for the first token", function()
    publish(jwt.jwk(one, { kid = "1" }))
    local server = serve()
    assert.equal("alice", try(server, token(one, "1")))
    assert.equal("bob", try(server, token(one, nil, "bob")))
    assert.equal(1, fetched())
  end)

  it("goes together with a secret of one's own", function()
    publish(jwt.jwk(one, { kid = "1" }))
    local server = serve(nil, t.defaults["auth.secret"])
    assert.equal("alice", try(server, token(one, "1")))
    assert.equal("bob", try(server, server:token { sub = "bob" }))
  end)

  it("is fetched when a token names a key that nobody knows, but not more "
    .. "often than strangers may ask", function()
    publish(jwt.jwk(one, { kid = "1" }))
    local server = serve()
    assert.equal("alice", try(server, token(one, "1")))
    publish(jwt.jwk(one, { kid = "1" }), jwt.jwk(two, { kid = "2" }))
    for i = 1, 20 do
      local user, data, code = try(server, token(two, "x" .. i))
      assert.is_nil(user)
      assert.equal("UNAVAILABLE", data.code)
      assert.is_true(data.retry)
      assert.is_true(data.retry_after_ms > 0 and data.retry_after_ms <= 10000)
      assert.equal(4005, code)
    end
    assert.equal(1, fetched())
    assert.is_true(t.wait_until(function()
      return try(server, token(two, "2", "bob")) == "bob"
    end, 30))
    assert.equal(2, fetched())
    assert.equal("alice", try(server, token(one, "1")))
  end)

  it("that fails leaves the keys that are there", function()
    publish(jwt.jwk(one, { kid = "1" }))
    local server = serve()
    assert.equal("alice", try(server, token(one, "1")))
    site:get "/fail/jwks"
    server:reload()
    server:wait_log "warn[^\n]*jwks_url[^\n]*(it answers 500)"
    assert.equal("alice", try(server, token(one, "1")))
    site:post("/keep/jwks", '{"keys":[]}')
    server:reload()
    server:wait_log "warn[^\n]*jwks_url[^\n]*(no key of use)"
    assert.equal("alice", try(server, token(one, "1")))
    publish(jwt.jwk(two, { kid = "2" }))
    server:reload()
    assert.is_true(t.wait_until(function()
      return try(server, token(two, "2", "bob")) == "bob"
    end))
    assert.is_nil((try(server, token(one, "1"))))
  end)

  it("is for the algorithm that a reload brings, from that moment", function()
    publish(jwt.jwk(one, { kid = "1" }))
    local dir = cli.folder { ["perigee.cfg.lua"] = "" }
    local server = t.server { dir = dir, options = { ["auth.secret"] = false,
      ["auth.jwks_url"] = site.url .. "/kept/jwks" } }
    local function reload_with(algorithm)
      local file <close> = assert(io.open(dir .. "/perigee.cfg.lua", "w"))
      file:write(("auth = { algorithm = %q }"):format(algorithm))
      file:close()
      server:reload()
    end
    assert.equal("alice", try(server, token(one, "1")))
    reload_with "RS384"
    refused(server, token(one, "1"), "algorithm")
    reload_with "RS256"
    assert.is_true(t.wait_until(function()
      return try(server, token(one, "1")) == "alice"
    end))
  end)

  it("may be missing at the start", function()
    publish(jwt.jwk(one, { kid = "1" }))
    site:get "/fail/jwks"
    local server = serve()
    local user, data = try(server, token(one, "1"))
    assert.is_nil(user)
    assert.equal("UNAVAILABLE", data.code)
    server:wait_log "code=UNAVAILABLE its key is not here yet: auth.jwks_url"
    publish(jwt.jwk(one, { kid = "1" }))
    server:reload()
    assert.is_true(t.wait_until(function()
      return try(server, token(one, "1")) == "alice"
    end))
  end)

  it("may have no secrets in it", function()
    publish({ kty = "oct", kid = "s",
      k = basexx.to_url64(("a"):rep(32)) }, jwt.jwk(one, { kid = "1" }))
    local server = serve()
    assert.equal("alice", try(server, token(one, "1")))
    refused(server, jwt.make({ alg = "HS256", kid = "s" }, { sub = "mallory" },
      jwt.hmac("sha256", ("a"):rep(32))), "algorithm")
    server:wait_log "warn[^\n]*(a secret does not belong)"
  end)

  it("lets wait what comes behind the token", function()
    site:post("/keep/jwks", "later")
    local server = serve "/hold/first"
    local alice = server:connect { auth = false }
    alice:send("auth", { token = token(one, "1") })
    alice:send("nothing", nil, 7)
    alice:send "ping"
    alice:expect "pong" -- that never waits
    alice:expect_nothing "error"
    site:get "/release/first"
    alice:expect("auth_error", { code = "UNAVAILABLE" })
    alice:expect_close(4005)
  end)

  it("must be encrypted in production, but for the own machine", function()
    for url, problem in pairs {
      ["http://id.example.com/jwks.json"] = "not encrypted",
      ["http://localhost.example.com/"] = "not encrypted",
      ["ftp://id.example.com/"] = "no https",
      ["id.example.com"] = "no https",
    } do
      local status, _, said = cli.run { "check", cli.folder(),
        "--auth.jwks_url=" .. url }
      assert.not_equal(0, status)
      assert.truthy(said:find(problem, 1, true), said)
    end
    assert.equal(0, (cli.run { "check", cli.folder(),
      "--auth.jwks_url=https://id.example.com/jwks.json" }))
  end)

  it("shows in the metrics", function()
    publish(jwt.jwk(one, { kid = "1" }), jwt.jwk(two, { kid = "2" }))
    local server = serve()
    assert.equal("alice", try(server, token(one, "1")))
    local text = select(2, require("spec.support.admin").get(server, "/metrics"))
    assert.matches("\nperigee_token_keys 2\n", text)
    assert.matches('perigee_key_fetches_total{result="ok"} 1\n', text)
    assert.matches('perigee_key_fetches_total{result="failed"} 0\n', text)
  end)
end)
