-- SPDX-License-Identifier: MIT
local certificate = require "spec.support.certificate"
local cli = require "spec.support.cli"
local t = require "perigee.testing"

describe("perigee check", function()
  after_each(cli.cleanup)

  local function check(files)
    return cli.run { "check", cli.folder(files) }
  end

  it("is content with good scripts", function()
    local status, _, problem = check {
      ["main.lua"] = [[
        local perigee = require "perigee"
        local lib = require "lib.names"
        return { [lib.echo] = function(_, data) return data end,
          ["@connect"] = function(client) client:join "lobby" end }
      ]],
      ["lib/names.lua"] = "return { echo = 'echo' }",
    }
    assert.equal(0, status, problem)
  end)

  it("is content with a folder of no scripts", function()
    assert.equal(0, (check { ["notes.txt"] = "no script" }))
  end)

  it("does not start anything", function()
    local status, out, problem = check {
      ["main.lua"] = [[
        return { ["@start"] = function() error "started" end }
      ]],
    }
    assert.equal(0, status)
    assert.is_nil((out .. problem):find "started")
    assert.is_nil((out .. problem):find "ready on")
  end)

  it("needs no key", function()
    local folder = cli.folder { ["main.lua"] = "return {}" }
    local status = cli.run({ "check", folder },
      { env = { PERIGEE_AUTH_SECRET = "" } })
    assert.equal(0, status)
  end)

  it("names a variable that is not set, and says once what is missing",
    function()
      local folder = cli.folder { ["main.lua"] = "return {}" }
      local file = cli.folder {
        ["cfg.lua"] = 'auth.secret = env "NOBODY_SET_THIS"' } .. "/cfg.lua"
      for _, command in ipairs { "check", "serve" } do
        local status, _, problem = cli.run({ command, folder,
          "--config=" .. file },
          { env = { PERIGEE_AUTH_SECRET = "" } })
        assert.equal(command == "serve", status ~= 0)
        assert.matches('"NOBODY_SET_THIS"', problem, 1, true)
      end
      local _, _, problem = cli.run({ "check", folder,
        "--auth.algorithm=ES256" }, { env = { PERIGEE_AUTH_SECRET = "" } })
      assert.equal(1, select(2, problem:gsub("public_key_file: ", "")))
    end)

  it("refuses an entry of api.keys that could mean more than it says",
    function()
      local folder = cli.folder { ["main.lua"] = "return {}" }
      local key = ("k"):rep(32)
      for entry, expected in pairs {
        ['alow = "send"'] = "`shop` has `alow`",
        ['allow = env "NOBODY_SET_THIS"'] = "`shop` has no `allow`",
        ["allow = true"] = "`allow` of `shop` cannot be a boolean",
        ["allow = { 1 }"] = "`api.keys` has an item that is no text",
        ['allow = "sned"'] = "`shop`: the groups are send, read, close, call, admin",
      } do
        local file = cli.folder { ["cfg.lua"] =
          ('api.keys = { shop = { key = "%s", %s } }'):format(key, entry) } .. "/cfg.lua"
        local status, _, problem = cli.run { "check", folder, "--config=" .. file }
        assert.not_equal(0, status)
        assert.matches(expected, problem, 1, true)
        assert.is_nil(problem:find(key, 1, true))
      end
      local file = cli.folder { ["cfg.lua"] = ([[api.keys = {
        shop = { key = "%s", allow = { "send", "read" } } }]]):format(key) } .. "/cfg.lua"
      assert.equal(0, (cli.run { "check", folder, "--config=" .. file }))
    end)

  for what, case in pairs {
    ["a syntax error"] = { "return {\n  x = = 1\n}", "main.lua:2:" },
    ["an error on loading"] = { "\n\nerror 'oops'", "main.lua:3: oops" },
    ["a missing module"] = { "\nrequire 'nothing.here'",
      "main.lua:2:", "nothing.here" },
    ["a reserved type"] = { "return { auth = function() end }",
      "main.lua", "auth" },
    ["an unknown hook"] = { "return { ['@leaf'] = function() end }",
      "main.lua", "@leaf" },
    ["a handler that is a number"] = { "return { x = 1 }", "main.lua", "x" },
    ["a key that is a number"] = { "return { function() end }", "main.lua" },
    ["an accidental global"] = { "x = 1 return {}", "main.lua:1:", "x" },
  } do
    it("finds " .. what, function()
      local status, out, problem = check { ["main.lua"] = case[1] }
      assert.equal(1, status)
      for i = 2, #case do
        assert.matches(case[i], out .. problem, 1, true)
      end
    end)
  end

  it("names both files of a type that comes twice", function()
    local script = "return { twice = function() end }"
    local status, out, problem = check {
      ["a.lua"] = script, ["b.lua"] = script,
    }
    assert.equal(1, status)
    for _, word in ipairs { "a.lua", "b.lua", "twice" } do
      assert.matches(word, out .. problem, 1, true)
    end
  end)

  it("says which folder is not there", function()
    local status, out, problem = cli.run { "check", "/nowhere/scripts" }
    assert.equal(1, status)
    assert.matches("/nowhere/scripts", out .. problem, 1, true)
  end)
end)

describe("perigee check finds what serve would refuse:", function()
  after_each(cli.cleanup)

  local SECRET = "--auth.secret=an example secret of more than 32 bytes"

  -- Both must end at once, with the same words.
  local function refuses(words, ...)
    local folder = cli.folder { ["main.lua"] = "return {}" }
    for _, command in ipairs { "check", "serve" } do
      local args = { command, folder, SECRET, "--listen=127.0.0.1:0",
        "--admin.listen=" }
      for _, word in ipairs(words) do table.insert(args, word) end
      local status, out, problem = cli.run(args)
      assert.is_true(status == 1 or status == 2, command .. out .. problem)
      for _, expected in ipairs { ... } do
        assert.matches(expected, problem, 1, true)
      end
    end
  end

  it("a folder of files that is not there", function()
    refuses({ "--public=/nope" }, "public: /nope: No such file or directory")
  end)

  it("a file in place of that folder", function()
    local folder = cli.folder { file = "" }
    refuses({ "--public=" .. folder .. "/file" }, "public: ",
      "Not a directory")
  end)

  it("an address of another machine", function()
    refuses({ "--listen=192.0.2.1:0" }, "listen", "192.0.2.1:0",
      "Cannot assign requested address")
    refuses({ "--admin.listen=192.0.2.1:0" }, "admin.listen")
  end)

  it("a name that nobody has", function()
    refuses({ "--listen=no..body:80" }, "listen", "no..body:80")
  end)

  it("the same address twice", function()
    for _, other in ipairs { "127.0.0.1:8123", "0.0.0.0:8123", ":8123" } do
      refuses({ "--listen=127.0.0.1:8123", "--admin.listen=" .. other },
        "listen, admin.listen: ", "same address")
    end
  end)

  it("a socket in a folder that is not there, or the same one twice",
    function()
      refuses({ "--listen=unix:/nope/perigee.sock" }, "listen: ",
        "/nope/perigee.sock: No such file or directory")
      local path = cli.folder() .. "/perigee.sock"
      refuses({ "--listen=unix:" .. path, "--admin.listen=" .. path },
        "listen, admin.listen: ", "same address")
    end)

  it("proxies that are none", function()
    refuses({ "--proxy.trusted=10.0.0.0/8,10.0.0.0/33" }, "proxy.trusted",
      "10.0.0.0/33")
  end)

  it("a certificate that is not there, or is none", function()
    local folder = cli.folder { ["cert.pem"] = "none", ["key.pem"] = "none" }
    refuses({ "--tls.cert=/nope.pem", "--tls.key=/nope.pem" }, "tls.cert",
      "/nope.pem")
    refuses({ "--tls.cert=" .. folder .. "/cert.pem",
      "--tls.key=" .. folder .. "/key.pem" }, "tls.cert")
  end)

  it("the key of another certificate", function()
    local cert = certificate(cli.folder())
    local _, key = certificate(cli.folder())
    refuses({ "--tls.cert=" .. cert, "--tls.key=" .. key }, "tls.key",
      "mismatch")
  end)

  it("files of keys that are not there, or hold none", function()
    local folder = cli.folder { ["key.pem"] = "none", secret = "short" }
    refuses({ "--auth.secret=", "--auth.secret_file=/nope" }, "/nope")
    refuses({ "--auth.secret=", "--auth.secret_file=" .. folder .. "/secret" },
      "too short")
    refuses({ "--auth.secret=", "--auth.public_key_file=" .. folder .. "/key.pem" },
      "auth.public_key_file: auth.algorithm is one that wants a secret")
    refuses({ "--auth.algorithm=RS256", "--auth.public_key_file=/nope.pem" },
      "/nope.pem")
    refuses({ "--auth.algorithm=RS256",
      "--auth.public_key_file=" .. folder .. "/key.pem" }, "key.pem")
  end)

  it("authorities for fetch that are not there", function()
    refuses({ "--fetch.ca_file=/nope.pem" }, "fetch.ca_file: /nope.pem")
  end)

  it("all of it at once", function()
    local folder = cli.folder { ["main.lua"] = "return {" }
    local status, _, problem = cli.run { "check", folder, SECRET,
      "--public=/nope", "--tls.cert=/no.pem", "--tls.key=/no.pem",
      "--listen=192.0.2.1:0", "--proxy.trusted=x" }
    assert.equal(1, status)
    for _, expected in ipairs { "public: ", "tls.cert: ", "listen: ",
      "proxy.trusted", "main.lua:1:" } do
      assert.matches("perigee: [^\n]*" .. expected, problem)
    end
  end)

  it("but not that a server is running", function()
    local server = t.server()
    local status, _, problem = cli.run { "check",
      cli.folder { ["main.lua"] = "return {}" }, SECRET,
      "--listen=127.0.0.1:" .. server.port, "--admin.listen=" .. server.admin }
    assert.equal(0, status, problem)
  end)
end)
