-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"
local cli = require "spec.support.cli"

describe("The library", function()
  local server, alice

  lazy_setup(function()
    local folder = cli.folder {
      ["perigee.cfg.lua"] = [[
        vars = { greeting = "hi", list = { 1, 2 }, home = env "SPEC_HOME" }
      ]],
    }
    server = t.server {
      env = { SPEC_HOME = "/home/spec" },
      options = {
        config = folder .. "/perigee.cfg.lua",
        ["heartbeat.interval_s"] = 3600, -- no pings in between
      },
      scripts = {
        ["main.lua"] = [[
          local perigee = require "perigee"
          local json = perigee.json
          return {
            online = function(_, user) return perigee.is_online(user) end,
            clients = function(_, user)
              local ids = {}
              for i, client in ipairs(perigee.clients_of(user)) do
                ids[i] = client.id
              end
              return json.array(ids)
            end,
            members = function(_, room)
              return json.array(perigee.members(room))
            end,
            rooms = function() return json.array(perigee.rooms()) end,
            users = function() return perigee.users() end,
            devices = function(_, user) return perigee.devices(user) end,
            count = function(_, room) return { perigee.count(room) } end,
            is_in = function(_, data)
              local found = {}
              for i, client in ipairs(perigee.clients_of(data.user)) do
                found[i] = { client.id, client:is_in(data.room) }
              end
              return json.array(found)
            end,
            kick = function(_, data)
              perigee.kick(data.user, data.reason)
            end,
            encode = function(_, data) return json.encode(data) end,
            decode = function(_, text)
              local value = json.decode(text)
              return { value = value, kind = math.type(value) or type(value) }
            end,
            decode_bad = function(_, text)
              local results = { pcall(json.decode, text) }
              return { ok = results[1] and results[2] ~= nil }
            end,
            same = function(_, text)
              return json.encode(json.decode(text)) == text
            end,
            null = function() return json.decode "null" == json.null end,
            array = function()
              return { json.array {}, json.array { 1 }, {} }
            end,
            sign = function(_, claims) return perigee.jwt.sign(claims) end,
            verify = function(_, token)
              local claims, code, text = perigee.jwt.verify(token)
              return { claims = claims, code = code, text = text }
            end,
            log = function(_, text)
              for _, level in ipairs { "debug", "info", "warn", "error" } do
                perigee.log[level](level .. " " .. text, { room = "r1", n = 5 })
              end
            end,
            now = function() return perigee.now() end,
            config = function() return perigee.config end,
            facts = function()
              return { generation = perigee.generation,
                worker = perigee.worker }
            end,
            unknown = function() return perigee.no_such_function() end,
            wrong = function() perigee.send_to_user() end,
            load_binary = function()
              return (load(string.dump(function() end), "x", "b")) ~= nil
            end,
            exit = function() os.exit(1) end,
          }
        ]],
      },
    }
  end)

  lazy_teardown(function()
    server:stop()
    cli.cleanup()
  end)

  before_each(function() alice = server:connect { user = "alice" } end)

  it("knows who is online", function()
    assert.is_true(alice:request("online", "alice"))
    assert.is_false(alice:request("online", "nobody"))
    local bob = server:connect { user = "bob" }
    assert.is_true(alice:request("online", "bob"))
    bob:close()
    assert.is_false(alice:request("online", "bob"))
  end)

  it("lists the connections of a user", function()
    local phone = server:connect { user = "carol" }
    local laptop = server:connect { user = "carol" }
    local ids = alice:request("clients", "carol")
    table.sort(ids)
    local expected = { phone.info.conn, laptop.info.conn }
    table.sort(expected)
    assert.same(expected, ids)
    assert.same({}, alice:request("clients", "nobody"))
  end)

  it("lists the members of a room, and the rooms", function()
    local dora = server:connect { user = "dora" }
    dora:request("join", { room = "blue" })
    alice:request("join", { room = "blue" })
    assert.same({ "alice", "dora" }, alice:request("members", "blue"))
    assert.same({}, alice:request("members", "green"))
    assert.same({ "blue" }, alice:request "rooms")
  end)

  it("lists the users that are online, each one once", function()
    local ann, two = server:connect "ann", server:connect "ann"
    assert.same({ "alice", "ann" }, alice:request "users")
    ann:close()
    assert.same({ "alice", "ann" }, alice:request "users")
    two:close()
    assert.same({ "alice" }, alice:request "users")
  end)

  it("counts the devices of a user", function()
    assert.equal(0, alice:request("devices", "berta"))
    local one, two = server:connect "berta", server:connect "berta"
    assert.equal(2, alice:request("devices", "berta"))
    one:close()
    assert.equal(1, alice:request("devices", "berta"))
    two:close()
    assert.equal(0, alice:request("devices", "berta"))
  end)

  it("counts who is in a room, and with how many connections", function()
    assert.same({ 0, 0 }, alice:request("count", "red"))
    local devices = {}
    for i, user in ipairs { "cora", "dirk", "cora", "cora" } do
      devices[i] = server:connect(user)
      devices[i]:join "red"
    end
    assert.same({ 2, 4 }, alice:request("count", "red"))
    assert.same({ 2, 4 }, alice:request("count", "red"))
    devices[2]:leave "red"
    assert.same({ 1, 3 }, alice:request("count", "red"))
    devices[1]:close()
    assert.same({ 1, 2 }, alice:request("count", "red"))
    devices[3]:leave "red"
    devices[4]:leave "red"
    assert.same({ 0, 0 }, alice:request("count", "red"))
  end)

  it("knows which device is in a room", function()
    local devices, expected = {}, {}
    for i = 1, 6 do
      devices[i] = server:connect "dana"
      if i % 2 == 0 then devices[i]:join "attic" end
      expected[devices[i].info.conn] = i % 2 == 0
    end
    local function ask(room)
      local found = {}
      for _, pair in ipairs(alice:request("is_in",
        { user = "dana", room = room })) do
        found[pair[1]] = pair[2]
      end
      return found
    end
    assert.same(expected, ask "attic")
    devices[2]:leave "attic"
    expected[devices[2].info.conn] = false
    assert.same(expected, ask "attic")
    for conn in pairs(expected) do expected[conn] = false end
    assert.same(expected, ask "cellar")
    assert.same(expected, ask "") -- what cannot be a room's name
    assert.equal("HANDLER_ERROR", (alice:fails("is_in", { user = "dana" })))
  end)

  it("kicks all connections of a user", function()
    local phone = server:connect { user = "emil" }
    local laptop = server:connect { user = "emil" }
    alice:request("kick", { user = "emil", reason = "spam" })
    assert.equal("spam", phone:expect_close(4502))
    assert.equal("spam", laptop:expect_close(4502))
    local again = server:connect { user = "emil" }
    alice:request("kick", { user = "emil" })
    assert.equal("kicked", again:expect_close(4502))
  end)

  it("writes and reads JSON exactly", function()
    assert.equal('"a"', alice:request("encode", "a"))
    assert.equal("5", alice:request("encode", 5))
    assert.same({ value = 5, kind = "integer" }, alice:request("decode", "5"))
    assert.equal("float", alice:request("decode", "0.5").kind)
    assert.is_true(alice:request "null")
    for _, text in ipairs {
      "[]", "{}", "[[],{},null]", '{"a":[]}', "9007199254740992", '"ä"',
      "true", "null", '"\\u0000"',
    } do
      assert.is_true(alice:request("same", text), text)
    end
    for _, text in ipairs { "", "[", "nix", "01", "[1,]", '"\\ud800"' } do
      assert.is_false(alice:request("decode_bad", text).ok, text)
    end
    alice:send("array", nil, 3)
    assert.equal('{"type":"reply","id":3,"data":[[],[1],{}]}', alice:receive())
  end)

  it("signs tokens that the server accepts", function()
    local token = alice:request("sign", { sub = "frida", role = "guest" })
    assert.equal("frida", server:connect({ token = token }).info.user)
    local verified = alice:request("verify", token)
    assert.equal("guest", verified.claims.role)
  end)

  it("verifies tokens", function()
    local token = server:token { sub = "gustav", n = 5 }
    local claims = alice:request("verify", token).claims
    assert.equal("gustav", claims.sub)
    assert.equal(5, claims.n)
    local verified = alice:request("verify", token .. "x")
    assert.is_nil(verified.claims)
    assert.equal("INVALID_TOKEN", verified.code)
    assert.is_string(verified.text)
    verified = alice:request("verify",
      server:token { sub = "gustav", exp = os.time() - 60 })
    assert.equal("TOKEN_EXPIRED", verified.code)
  end)

  it("writes log lines with fields", function()
    alice:request("log", "hello")
    local line = server:wait_log "[^\n]*error hello[^\n]*"
    assert.matches("error", line, 1, true)
    assert.matches("room=r1", line, 1, true)
    assert.matches("n=5", line, 1, true)
    server:wait_log "info hello"
    assert.is_nil(server:log():find("debug hello", 1, true))
  end)

  it("writes one line, whatever the text", function()
    alice:request("log", "a\nready forged\27[31m")
    server:wait_log "error a"
    assert.is_nil(server:log():find "\nready forged")
    assert.is_nil(server:log():find "\27")
  end)

  it("knows the time, with fractions", function()
    local before = os.time()
    local now = alice:request "now"
    assert.equal("float", math.type(now))
    assert.is_true(now >= before and now < os.time() + 1)
  end)

  it("has the variables of the configuration", function()
    assert.same({ greeting = "hi", list = { 1, 2 }, home = "/home/spec" },
      alice:request "config")
  end)

  it("knows its generation and its worker", function()
    local facts = alice:request "facts"
    assert.equal("integer", math.type(facts.generation))
    assert.equal("integer", math.type(facts.worker))
    server:reload()
    assert.equal(facts.generation + 1, alice:request("facts").generation)
  end)

  it("raises when it is used wrongly", function()
    for _, kind in ipairs { "unknown", "wrong" } do
      local _, code = alice:try(kind)
      assert.equal("HANDLER_ERROR", code)
    end
  end)

  it("lets no script end the server or load binary chunks", function()
    local _, code = alice:try "exit"
    assert.equal("HANDLER_ERROR", code)
    assert.is_false(alice:request "load_binary")
    assert.is_true(alice:request("online", "alice"))
  end)
end)
