-- SPDX-License-Identifier: MIT
local cli = require "spec.support.cli"
local t = require "perigee.testing"

describe("A declared handler", function()
  local server, alice

  lazy_setup(function()
    server = t.server {
      scripts = {
        ["shop.lua"] = [[
          local function echo(_, data) return data end
          return {
            plain = { handler = echo },
            text = { handler = echo, schema = "string<=5" },
            maybe = { handler = function(_, data)
              return data == nil and "none" or data
            end, schema = "string?" },
            ["chat.send"] = { handler = echo, timeout = 5, schema = {
              room = "string",
              text = "string>=1<=20",
              tags = "string<=3[]<=4?",
              color = "'red'|'green'?",
              place = { x = "number>=0<1", deep = { level = "integer>=1" } },
              items = { { sku = "string", count = "integer" } },
            } },
            strict = { handler = echo,
              schema = { a = "any?", ["*"] = false } },
            scores = { handler = echo, schema = { ["*"] = "integer" } },
            written = { handler = echo,
              schema = "{ list: { n: integer }[]<=2?, \"a key\": boolean? }" },
            raises = { handler = function() error "entered" end,
              schema = "object" },
          }
        ]],
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect { user = "alice" } end)

  local function message(changes)
    local data = {
      room = "lobby", text = "hi",
      place = { x = 0.5, deep = { level = 1 } },
      items = t.array { { sku = "a", count = 2 } },
    }
    for key, value in pairs(changes or {}) do
      data[key] = value
    end
    return data
  end

  local function refused(kind, data)
    local _, code, text, problem = alice:try(kind, data)
    assert.equal("BAD_REQUEST", code)
    assert.is_false(problem.retry)
    return text
  end

  it("runs as a function does", function()
    assert.same({ a = 1 }, alice:request("plain", { a = 1 }))
    local data, code = alice:try "plain"
    assert.is_true(data == nil or data == t.null)
    assert.is_nil(code)
  end)

  it("gets data that fits its schema, as it came", function()
    local data = message { tags = { "a", "b" }, color = "red", more = { 1 } }
    assert.same(data, (alice:request("chat.send", data)))
    data = message { tags = t.null, color = t.null, items = t.array {} }
    assert.same(data, (alice:request("chat.send", data)))
  end)

  for what, case in pairs {
    ["a field of another type"] =
      { { room = 5 }, "data.room: expected string" },
    ["null in a field that must be there"] =
      { { room = t.null }, "data.room: expected string" },
    ["a text that is too short"] =
      { { text = "" }, "data.text: expected string>=1<=20" },
    ["a text of too many characters"] =
      { { text = ("ä"):rep(21) }, "data.text: expected string>=1<=20" },
    ["an item of an array"] =
      { { tags = { "a", "b", 5 } }, "data.tags[3]: expected string" },
    ["an item beyond its limits"] =
      { { tags = { "long" } }, "data.tags[1]: expected string<=3" },
    ["too many items"] =
      { { tags = { "a", "b", "c", "d", "e" } }, "data.tags: expected array<=4" },
    ["something else than an array"] =
      { { tags = "a" }, "data.tags: expected array" },
    ["a word that is not on the list"] =
      { { color = "blue" }, "data.color: expected 'red'|'green'" },
    ["a nested field"] =
      { { place = { x = 1, deep = { level = 1 } } },
        "data.place.x: expected number>=0<1" },
    ["a deeply nested field"] =
      { { place = { x = 0, deep = { level = 1.5 } } },
        "data.place.deep.level: expected integer" },
    ["a nested field that is missing"] =
      { { place = { x = 0, deep = t.decode "{}" } },
        "data.place.deep.level: expected integer" },
    ["a field of an object in an array"] =
      { { items = { { sku = "a", count = 1 }, { sku = "b", count = "2" } } },
        "data.items[2].count: expected integer" },
  } do
    it("never sees " .. what, function()
      assert.equal(case[2], refused("chat.send", message(case[1])))
    end)
  end

  it("names the field that is missing", function()
    local data = message()
    data.text = nil
    assert.equal("data.text: expected string", refused("chat.send", data))
  end)

  it("wants data if its schema does", function()
    assert.equal("data: expected object", refused "chat.send")
    assert.equal("data: expected object", refused("chat.send", { 1 }))
    assert.equal("data: expected string", refused "text")
    assert.equal("none", alice:request "maybe")
  end)

  it("may want data that is no object", function()
    assert.equal("äöüäö", alice:request("text", "äöüäö"))
    assert.equal("data: expected string<=5", refused("text", "abcdef"))
    assert.equal("data: expected string", refused("text", 5))
  end)

  it("takes keys with escapes for what they are", function()
    alice:send_text [[{"type":"strict","id":1,"data":{"\u0061":1}}]]
    assert.same({ a = 1 }, alice:expect("reply").data)
    alice:send_text [[{"type":"strict","id":2,"data":{"\u0062":1}}]]
    assert.matches("unknown field", alice:expect("error").data.message)
  end)

  it("never sees one of two values that does not fit", function()
    for i, data in ipairs { '{"x":1,"x":"y"}', '{"x":"y","x":1}' } do
      alice:send_text(('{"type":"scores","id":%d,"data":%s}'):format(i, data))
      assert.equal("data.x: expected integer",
        alice:expect("error").data.message)
    end
  end)

  it("says what other keys may be", function()
    assert.equal("data.b: unknown field", refused("strict", { a = 1, b = 2 }))
    assert.same({ x = 1, y = 2 }, (alice:request("scores", { x = 1, y = 2 })))
    assert.equal("data.y: expected integer",
      refused("scores", { x = 1, y = "2" }))
  end)

  it("may have a schema that is written as one text", function()
    local data = { list = { { n = 1 } }, ["a key"] = true }
    assert.same(data, (alice:request("written", data)))
    assert.equal("data.list[1].n: expected integer",
      refused("written", { list = { { n = "x" } } }))
    assert.equal('data["a key"]: expected boolean',
      refused("written", { ["a key"] = 1 }))
  end)

  it("is not entered by what does not fit", function()
    local before = #server:log()
    assert.equal("data: expected object", refused("raises", "text"))
    assert.is_nil(server:log():find("entered", before, true))
    local _, code = alice:try("raises", { a = 1 })
    assert.equal("HANDLER_ERROR", code)
  end)

  it("says nothing without an id", function()
    alice:send("chat.send", { room = 5 })
    alice:send "chat.send"
    alice:expect_nothing()
  end)

  -- A reload may have changed the schema below an open page.
  it("closes no client that goes on sending what does not fit", function()
    for _ = 1, 60 do
      alice:send("text", 5)
    end
    alice:expect_nothing()
    assert.equal("data: expected string", refused("text", 5))
  end)
end)

describe("@message", function()
  it("comes after rate and schema", function()
    local server = t.server { scripts = { ["main.lua"] = [[
      local seen = 0
      return {
        ["@message"] = function(_, type)
          if type == "checked" then seen = seen + 1 end
        end,
        checked = { rate = "1/h", burst = 2, schema = "string",
          handler = function(_, data) return data end },
        seen = function() return seen end,
      }
    ]] } }
    local alice = server:connect { user = "alice" }
    local _, code = alice:try("checked", 5)
    assert.equal("BAD_REQUEST", code)
    assert.equal("x", alice:request("checked", "x"))
    _, code = alice:try("checked", "x")
    assert.equal("RATE_LIMITED", code)
    assert.equal(1, alice:request "seen")
  end)
end)

describe("A declaration", function()
  after_each(cli.cleanup)

  local function problem_with(declaration)
    local status, out, problem = cli.run { "check", cli.folder {
      ["good.lua"] = "return { fine = { handler = print } }",
      ["main.lua"] = "return { ['chat.send'] = " .. declaration .. " }",
    } }
    assert.equal(1, status, out)
    assert.matches("main.lua: handler 'chat.send'", problem, 1, true)
    return problem
  end

  for declaration, words in pairs {
    ["5"] = { "must be a function or {", "not a number" },
    ["{}"] = { "handler must be a function, not a nil" },
    ["{ print }"] = { "unknown key 1", "burst doc emits handler rate reply schema timeout view" },
    ["{ handler = print, shcema = {} }"] =
      { "unknown key 'shcema'", "did you mean 'schema'?" },
    ["{ handler = print, rate = 5 }"] = { "rate must be", "'5/s'", "not 5" },
    ["{ handler = print, rate = '5' }"] = { "rate must be", "not '5'" },
    ["{ handler = print, rate = '5/day' }"] = { "rate must be", "5/day" },
    ["{ handler = print, rate = '0/s' }"] = { "rate must be", "0/s" },
    ["{ handler = print, burst = 5 }"] = { "burst needs a rate" },
    ["{ handler = print, rate = '1/s', burst = 0 }"] =
      { "burst must be a whole number", "not 0" },
    ["{ handler = print, rate = '1/s', burst = 1.5 }"] =
      { "burst must be a whole number", "not 1.5" },
    ["{ handler = print, timeout = 0 }"] = { "timeout must be seconds" },
    ["{ handler = print, timeout = '5' }"] =
      { "timeout must be seconds", "not '5'" },
    ["{ handler = print, view = 'yes' }"] =
      { "view must be true or false, not 'yes'" },
    ["{ handler = print, schema = 5 }"] =
      { "schema: data: a type is a text or a table, not 5" },
    ["{ handler = print, schema = 'sting' }"] =
      { "schema: data: 'sting' is not a type", "did you mean 'string'?",
        "any string integer number boolean object array" },
    ["{ handler = print, schema = { a = { b = 'string<=x' } } }"] =
      { "schema: data.a.b: a limit must be a number, at 'x'" },
    ["{ handler = print, schema = { a = 'string, b: string' } }"] =
      { "schema: data.a: the type should end here, at ', b: string'" },
    ["{ handler = print, schema = { a = { 'string', 'integer' } } }"] =
      { "schema: data.a: an array is { type }" },
    ["{ handler = print, schema = { a = true } }"] =
      { "schema: data.a: a type is a text or a table, not true" },
    ["{ handler = print, schema = { [5] = 'string' } }"] =
      { "schema: data: a field's name is a text, not 5" },
    ["{ handler = print, schema = { ['*'] = 'nothing' } }"] =
      { "'nothing' is not a type" },
  } do
    it("does not load: " .. declaration, function()
      local problem = problem_with(declaration)
      for _, word in ipairs(words) do
        assert.matches(word, problem, 1, true)
      end
    end)
  end

  it("does not load with a schema that contains itself", function()
    local problem = problem_with [[(function()
      local loop = {}
      loop.again = loop
      return { handler = print, schema = loop }
    end)()]]
    assert.matches("more than 32 tables", problem, 1, true)
  end)

  it("has no view for what comes over HTTP", function()
    for _, key in ipairs { "@http GET /x", "@http ask" } do
      local status, _, problem = cli.run { "check", cli.folder {
        ["main.lua"] = ("return { [%q] = { handler = print, view = true } }")
          :format(key),
      } }
      assert.equal(1, status)
      assert.matches(("main.lua: handler '%s': view is for messages of "
        .. "clients, not for '@http'"):format(key), problem, 1, true)
    end
  end)

  it("is for handlers, not for hooks", function()
    local status, _, problem = cli.run { "check", cli.folder {
      ["main.lua"] = "return { ['@join'] = { handler = print } }",
    } }
    assert.equal(1, status)
    assert.matches("main.lua: hook '@join' must be a function", problem, 1,
      true)
  end)

  it("that is wrong leaves the live one alone", function()
    local server = t.server { scripts = { ["main.lua"] =
      "return { x = { handler = function() return 'old' end } }" } }
    local alice = server:connect { user = "alice" }
    server:write("main.lua",
      "return { x = { handler = print, schema = { a = 'strin' } } }")
    local line = server:reload_fails()
    assert.matches("main.lua: handler 'x': schema: data.a: 'strin'", line, 1,
      true)
    assert.equal("old", alice:request "x")
  end)
end)
