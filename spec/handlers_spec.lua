-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"

describe("A handler", function()
  local server, alice

  lazy_setup(function()
    server = t.server {
      options = {
        ["heartbeat.interval_s"] = 3600, -- no pings in between
        -- Sanitized builds take their time for a stack overflow.
        ["script.burst_ms"] = 60000,
      },
      scripts = {
        ["no.lua"] = [[
          local perigee = require "perigee"
          return {
            ["no.table"] = function()
              return nil, "chat.full", "It is full",
                { left = 0, list = { 1, perigee.json.array {} } }
            end,
            ["no.number"] = function() return nil, "chat.full", nil, 5 end,
            ["no.false"] = function() return nil, "chat.full", nil, false end,
            ["no.null"] = function()
              return nil, "chat.full", nil, perigee.json.null
            end,
            ["no.function"] = function()
              return nil, "chat.full", "It is full", { when = print }
            end,
          }
        ]],
        ["answers.lua"] = [[
          local perigee = require "perigee"
          return {
            echo = function(_, data) return data end,
            nothing = function() end,
            ["no"] = function() return nil, "chat.muted", "You are muted" end,
            ["no.text"] = function() return nil, "chat.muted" end,
            ["no.passed"] = function(_, code) return nil, code, "passed on" end,
            ["false"] = function() return false end,
            arguments = function(...) return select("#", ...) end,
            kind = function(_, data) return type(data) end,
          }
        ]],
        ["broken.lua"] = [[
          local function deep() error("the secret is sesame") end
          return {
            raise = function() deep() end,
            ["raise.table"] = function() error { code = 1 } end,
            ["raise.nil"] = function() error() end,
            index = function(_, data) return data.a.b.c end,
            ["global.set"] = function() surprise = 1 end,
            ["global.get"] = function() return surprise end,
            overflow = function() local function f() return 1 + f() end f() end,
          }
        ]],
        ["modules.lua"] = [[
          local greeting = require "lib.greeting"
          local words = require "words"
          return { greet = function(_, data)
            return greeting(data) .. words.mark
          end }
        ]],
        ["lib/greeting.lua"] =
          [[return function(name) return "Hello, " .. name end]],
        ["words/init.lua"] = [[return { mark = "!" }]],
        ["lib/unused.lua"] = [[error "never required, never run"]],
        ["notes.txt"] = "this is no script",
        ["order.lua"] = [[
          local perigee = require "perigee"
          local seen = {}
          return {
            count = function(client, data)
              seen[#seen + 1] = data
              client:send { type = "counted", data = data }
            end,
            counted = function()
              local result = seen
              seen = {}
              return perigee.json.array(result)
            end,
          }
        ]],
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect { user = "alice" } end)

  it("answers a request with what it returns", function()
    assert.same({ text = "hi" }, alice:request("echo", { text = "hi" }))
    assert.is_false(alice:request "false")
    assert.equal(2, alice:request "arguments")
    assert.equal("nil", alice:request "kind")
    alice:expect_nothing()
  end)

  it("answers with an empty reply if it returns nothing", function()
    local data, code = alice:try "nothing"
    assert.is_nil(code)
    assert.is_true(data == nil or data == t.null)
  end)

  it("gives the id back as it came", function()
    for _, id in ipairs {
      1, 9007199254740991, "a", "1", ("x"):rep(64), "ä\"\\", "ä",
    } do
      assert.equal("ok", alice:request("echo", "ok", id))
    end
  end)

  it("answers nothing to a message without id", function()
    for _, kind in ipairs { "echo", "no", "raise", "unknown", "nothing" } do
      alice:send(kind, 1)
    end
    alice:expect_nothing()
  end)

  it("refuses with a code and a text of its own", function()
    local _, code, text, problem = alice:try "no"
    assert.equal("chat.muted", code)
    assert.equal("You are muted", text)
    assert.is_false(problem.retry)
    _, code, text = alice:try "no.text"
    assert.equal("chat.muted", code)
    assert.is_string(text)
  end)

  it("passes on a code of the server's, with what that says about trying again", function()
    for given, retry in pairs { UNAVAILABLE = true, OVERLOADED = true, INVALID_TOKEN = false,
      Unavailable = false } do
      local _, code, _, problem = alice:try("no.passed", given)
      assert.same({ given, retry }, { code, problem.retry })
    end
  end)

  it("refuses with data of its own", function()
    for name, data in pairs {
      ["no.table"] = { left = 0, list = { 1, t.array {} } },
      ["no.number"] = 5, ["no.false"] = false, ["no.null"] = t.null,
    } do
      local code, text, problem = alice:fails(name)
      assert.equal("chat.full", code)
      assert.equal(name == "no.table" and "It is full" or "chat.full", text)
      assert.same(data, problem.data)
    end
    local _, _, problem = alice:fails "no"
    assert.is_nil(problem.data)
    local code
    code, _, problem = alice:fails "no.function"
    assert.equal("HANDLER_ERROR", code)
    server:wait_log(problem.ref .. "[^\n]*no.lua:%d+: what this function "
      .. "returned: data.when: a function cannot be sent as JSON")
  end)

  it("that raises is a HANDLER_ERROR, and nothing of it leaks", function()
    alice:send("raise", nil, 7)
    local raw = alice:receive()
    local answer = t.decode(raw)
    assert.equal("HANDLER_ERROR", answer.data.code)
    assert.is_string(answer.data.ref)
    assert.is_nil(raw:find "sesame")
    assert.is_nil(raw:find "broken")
    assert.is_nil(raw:find "stack")
    alice:expect_nothing()
  end)

  it("that raises is found in the log by its reference", function()
    local _, _, _, problem = alice:try "raise"
    local told = server:wait_log("[^\n]*" .. problem.ref
      .. ".-traceback.-broken%.lua:3")
    assert.matches("broken.lua:1: the secret is sesame", told, 1, true)
  end)

  it("gets a new reference for each error", function()
    local _, _, _, first = alice:try "raise"
    local _, _, _, second = alice:try "raise"
    assert.not_equal(first.ref, second.ref)
  end)

  for _, kind in ipairs {
    "raise.table", "raise.nil", "index", "overflow",
  } do
    it("may fail in any way: " .. kind, function()
      alice.timeout = 60
      local _, code = alice:try(kind, 5)
      assert.equal("HANDLER_ERROR", code)
      assert.equal("still here", alice:request("echo", "still here"))
    end)
  end

  it("cannot make a global by accident", function()
    local _, code, _, problem = alice:try "global.set"
    assert.equal("HANDLER_ERROR", code)
    local line = server:wait_log("[^\n]*" .. problem.ref .. "[^\n]*")
    assert.matches("broken.lua:7", line, 1, true)
    assert.matches("surprise", line, 1, true)
  end)

  it("may require modules from sub-folders", function()
    assert.equal("Hello, alice!", alice:request("greet", "alice"))
  end)

  it("is called in the order of the messages", function()
    for i = 1, 40 do
      alice:send("count", i)
    end
    local expected = {}
    for i = 1, 40 do
      assert.equal(i, alice:expect("counted").data)
      expected[i] = i
    end
    assert.same(expected, alice:request "counted")
  end)
end)

describe("A message", function()
  local server, alice

  lazy_setup(function()
    server = t.server {
      options = { ["heartbeat.interval_s"] = 3600 }, -- no pings in between
      scripts = {
        ["main.lua"] = [[
          local called = 0
          return {
            echo = function(_, data) called = called + 1 return data end,
            called = function() return called end,
          }
        ]],
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect { user = "alice" } end)

  it("of an unknown type is told so", function()
    local _, code, text, problem = alice:try "no.such.type"
    assert.equal("UNKNOWN_TYPE", code)
    assert.equal("no handler for message type 'no.such.type'", text)
    assert.is_false(problem.retry)
  end)

  it("is refused without a type of the right form", function()
    for _, kind in ipairs {
      "", '"type":5,', '"type":null,', '"type":"",', '"type":["echo"],',
      '"type":"two words",', '"type":"ä",', '"type":"@connect",',
      '"type":"echo\\u0000",', '"type":"' .. ("x"):rep(65) .. '",',
    } do
      alice:send_text("{" .. kind .. '"id":3}')
      local answer = alice:expect "error"
      assert.equal(3, answer.id)
      assert.equal("BAD_REQUEST", answer.data.code)
    end
  end)

  it("may have a type of up to 64 characters", function()
    local _, code = alice:try(("aZ09_.:-"):rep(8))
    assert.equal("UNKNOWN_TYPE", code)
  end)

  it("with an id of the wrong form reaches no handler", function()
    local before = alice:request "called"
    for _, id in ipairs {
      "0", "-1", "1.5", "9007199254740992", "1e300", '""', "true", "null",
      "[]", "{}", '"' .. ("x"):rep(65) .. '"',
    } do
      alice:send_text('{"type":"echo","data":1,"id":' .. id .. "}")
    end
    alice:send "ping"
    alice:expect "pong"
    for _, message in ipairs(alice.inbox) do
      assert.equal("error", message.type)
      assert.is_nil(message.id)
    end
    assert.equal(before, alice:request "called")
  end)

  it("that is no object is dropped, and the connection goes on", function()
    for _, text in ipairs { "", "5", '"echo"', "null", "[]", "true", "echo" } do
      local bob = server:connect { user = "bob" }
      bob:send_text(text)
      assert.equal("on", bob:request("echo", "on"))
    end
  end)

  it("may have more keys and blanks than needed", function()
    alice:send_text ' {"id" : 5 , "x":[1], "type":"echo",\n"data":1 , "y":{}} '
    assert.equal('{"type":"reply","id":5,"data":1}', alice:receive())
  end)
end)
