-- SPDX-License-Identifier: MIT
-- Secrets and private keys, and what may be wrong with them.
local cli = require "spec.support.cli"
local jwt = require "spec.support.jwt"
local login = require "spec.support.login"
local t = require "perigee.testing"

local HS256 = { alg = "HS256", typ = "JWT" }
local try, refused = login.try, login.refused

describe("A secret", function()
  local SECRET = ("0123456789abcdef"):rep(4)

  local function serve(options, env)
    options["auth.secret"] = options["auth.secret"] or false
    return t.server { options = options, env = env }
  end

  -- A file with that text.
  local function file(text)
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    local f <close> = assert(io.open(path, "wb"))
    f:write(text)
    return path
  end

  local function token(secret)
    return jwt.make(HS256, { sub = "alice" }, jwt.hmac("sha256", secret))
  end

  for what, text in pairs {
    ["line break"] = SECRET .. "\n", ["space"] = SECRET .. " ",
    ["quotes"] = '"' .. SECRET .. '"',
  } do
    it("with a " .. what .. " around it is warned about", function()
      local server = serve({}, { PERIGEE_AUTH_SECRET = text })
      server:wait_log("warn[^\n]*(" .. what .. ")")
      assert.is_table(try(server, token(text)))
    end)

    it("that seems to be meant without a " .. what .. " is one", function()
      local server = serve({}, { PERIGEE_AUTH_SECRET = text })
      refused(server, token(SECRET))
      server:wait_log "warn[^\n]*(tokens match auth.secret without)"
      assert.is_nil(server:log():find(SECRET, 1, true))
    end)
  end

  it("that seems to be meant as bytes is told about once", function()
    local server = serve { ["auth.secret"] = SECRET }
    local bytes = SECRET:gsub("..", function(two)
      return string.char(tonumber(two, 16))
    end)
    for _ = 1, 3 do
      refused(server, token(bytes))
    end
    server:wait_log "(read as hexadecimal)"
    refused(server, "x")
    server:wait_log "not three parts" -- all before that is in the log
    local _, lines = server:log():gsub("read as hexadecimal", "")
    assert.equal(1, lines)
  end)

  it("may be bytes, in base64", function()
    local bytes = ("\0\xff\n\""):rep(8)
    local text = "base64:AP8KIgD/CiIA/woiAP8KIgD/CiIA/woiAP8KIgD/CiI="
    assert.is_table(try(serve { ["auth.secret"] = text }, token(bytes)))
  end)

  it("may be in a file, without the line break at its end", function()
    local path = file(SECRET .. "\n")
    local server = serve { ["auth.secret_file"] = path }
    assert.is_table(try(server, token(SECRET)))
    local other = SECRET:reverse()
    local f <close> = assert(io.open(path, "wb"))
    f:write(other, "\r\n")
    f:flush()
    server:reload()
    assert.is_table(try(server, token(other)))
    refused(server, token(SECRET))
  end)

  it("must be long enough wherever it is from", function()
    for name, value in pairs {
      ["auth.secret"] = "base64:c2hvcnQ=",
      ["auth.secret_file"] = file "short",
    } do
      local status, _, problem = cli.run { "check", cli.folder(),
        ("--%s=%s"):format(name, value) }
      assert.not_equal(0, status)
      assert.matches("5 bytes are too short, at least 32", problem)
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

  it("may be of any type", function()
    for _, typ in ipairs { "at+jwt", "application/at+jwt", "jwt" } do
      local token = jwt.make({ typ = typ, alg = "RS256" }, { sub = "alice" },
        jwt.rsa(key))
      assert.equal("alice", try(server, token).user)
    end
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

  it("may be of a new key after a reload", function()
    local new = jwt.new_rsa_key()
    local function write(text)
      local file <close> = assert(io.open(dir .. "/public.pem", "w"))
      file:write(text)
    end
    local old_token = jwt.make(RS256, { sub = "alice" }, jwt.rsa(key))
    local new_token = jwt.make(RS256, { sub = "bob" }, jwt.rsa(new))
    local alice = server:connect { token = old_token }
    refused(server, new_token)
    write(public .. new:toPEM "public") -- for a while there are two
    server:reload()
    assert.equal("bob", try(server, new_token).user)
    assert.equal("alice", try(server, old_token).user)
    write "no key at all"
    assert.matches("public.pem: ", server:reload_fails(), 1, true)
    assert.equal("bob", try(server, new_token).user)
    write(new:toPEM "public")
    server:reload()
    refused(server, old_token)
    assert.equal("alice", alice.info.user) -- who is in stays
    alice:send "ping"
    alice:expect "pong"
    write(public)
    server:reload()
  end)
end)
