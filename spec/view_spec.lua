-- SPDX-License-Identifier: MIT
-- Handlers that read their data in place.
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"

  local function view(handler, more)
    local declaration = more or {}
    declaration.handler, declaration.view = handler, true
    return declaration
  end

  local kept

  return {
    ["@message"] = function(_, _, data)
      if type(data) == "userdata" and data ~= perigee.json.null
        and data.forbidden then
        return nil, "view.forbidden"
      end
    end,

    echo = view(function(_, data) return data end),
    part = view(function(_, data) return { data.part, data.list[2] } end),
    kind = view(function(_, data) return type(data) end),
    field = view(function(_, data) return { data.a, data.b, data.c } end),
    whole = view(function(_, data) return data() end),
    text = view(function(_, data) return tostring(data) end),
    sum = view(function(_, data)
      local forth, back, walked = 0, 0, 0
      for i = 1, #data do forth = forth + data[i] end
      for i = #data, 1, -1 do back = back + data[i] end
      for _, n in ipairs(data) do walked = walked + n end
      return { forth = forth, back = back, walked = walked, n = #data,
        joined = table.concat(data, ","), beyond = data[#data + 1] == nil,
        none = data[0] == nil and data["1"] == nil and data[1.5] == nil,
        float = data[2.0] }
    end),
    fields = view(function(_, data)
      local seen = {}
      for key, value in pairs(data) do
        seen[#seen + 1] = key .. "=" .. tostring(value)
      end
      table.sort(seen)
      return { seen = table.concat(seen, " "), n = #data }
    end),
    strange = view(function(_, data)
      return { data[1] == nil, data[true] == nil, data.missing == nil,
        data.null == perigee.json.null, getmetatable(data) }
    end),
    write = view(function(_, data) data.a = 1 end),
    own = view(function(_, data)
      local mine = data()
      mine.a = mine.a + 1
      return mine
    end),
    checked = view(function(_, data) return data end,
      { schema = { text = "string<=5", ["*"] = false }, rate = "2/h", burst = 2 }),
    promised = view(function(_, data) return data end, { reply = { a = "string" },
      emits = { note = { a = "string" } } }),
    emits = view(function(client, data)
      client:send { type = "note", data = data }
    end, { emits = { note = { a = "string" } } }),
    keep = view(function(_, data) kept = data end),
    kept = view(function()
      collectgarbage()
      return { kept, kept.list[2], kept.list }
    end),
    waits = view(function(_, data)
      perigee.sleep(0.01)
      return { data.a, data }
    end),
    deep = view(function(_, data)
      return { { data } }
    end),
    refuses = view(function(_, data)
      return nil, "view.no", "No", data
    end),
    room = view(function(client, data)
      client:join "lobby"
      perigee.send_to_room("lobby", { type = "said", data = data })
      perigee.send_to_user(client.user_id, { type = "told",
        data = { from = "me", data = data.part } })
    end),
    store = view(function(_, data)
      local ok, problem = pcall(perigee.store.set, "k", data)
      perigee.store.set("k", data())
      return { ok, problem, perigee.store.get "k" }
    end),
    loop = view(function(_, data)
      while true do local _ = data[1] end
    end),
    count = view(function(_, data)
      while true do local _ = #data end
    end),
  }
]]

describe("A handler with a view", function()
  local server, alice

  lazy_setup(function() server = t.server { scripts = { ["v.lua"] = SCRIPT } } end)
  lazy_teardown(function() server:stop() end)
  before_each(function() alice = server:connect { user = "alice" } end)

  -- The text of the reply to data that is written in exactly these bytes.
  local function reply(kind, data)
    alice:send_text(('{"type":"%s","id":1,"data":%s}'):format(kind, data))
    local text = assert(alice:receive())
    return text:match '^{"type":"reply","id":1,"data":(.*)}$' or text
  end

  for _, data in ipairs {
    [[{"a":1,"b":[true,null,"x"],"c":{"d":{}}}]],
    [[{"b":5.00,"a":1e2,"c":"\u0061\/"}]],
    [[[ 1, [ ],{ "a" : -0.0 } ] ]],
    "{}", "[]", "[[]]", '"text"', "5", "true", "null", '""',
  } do
    it("sends the bytes of " .. data, function()
      assert.equal((data:gsub("%s+$", "")), reply("echo", data))
    end)
  end

  it("sends what is not clear as a table would be sent", function()
    assert.equal('{"a":2}', reply("echo", '{"a":1,"a":2}'))
    assert.equal('{"x":{"a":3}}', reply("echo", '{"x":{"a":1,"\\u0061":3}}'))
    assert.equal("[1,2]", reply("echo", "[1,\n2]"))
    assert.equal("[1,2]", reply("echo", "[1,\r2]"))
    local many = {}
    for i = 1, 20 do many[i] = ('"k%d":%d'):format(i, i) end
    local text = "{" .. table.concat(many, ",") .. "}"
    assert.same(t.decode(text), t.decode(reply("echo", text)))
  end)

  it("gets none without data", function()
    assert.equal("nil", alice:request "kind")
    assert.equal("userdata", alice:request("kind", { a = 1 }))
    assert.equal("userdata", alice:request("kind", t.array {}))
    assert.equal("string", alice:request("kind", "text"))
  end)

  it("reads fields", function()
    assert.equal('[1,"x",{"d":[2]}]',
      reply("field", '{"a":1,"b":"x","c":{"d":[2]}}'))
    assert.equal('["last",true,false]',
      reply("field", [[{"a":0,"c":false,"\u0061":"last","b":true}]]))
  end)

  it("sends parts of it inside of its own", function()
    assert.equal('[{"n": 1.0},[ 2]]',
      reply("part", '{"part":{"n": 1.0},"list":["a",[ 2]]}'))
    assert.equal('[{"n":2},[]]',
      reply("part", '{"part":{"n":1,"n":2},"list":["a",[]]}'))
  end)

  it("is an array", function()
    local found = alice:request("sum", { 3, 4, 5 })
    assert.same({ forth = 12, back = 12, walked = 12, n = 3, joined = "3,4,5",
      beyond = true, none = true, float = 4 }, found)
  end)

  it("is walked over", function()
    assert.same({ seen = 'a=1 b={"c":[2]} d=x', n = 0 },
      (alice:request("fields", { a = 1, b = { c = { 2 } }, d = "x" })))
    assert.same({ seen = "1=a 2=b", n = 2 },
      (alice:request("fields", { "a", "b" })))
    assert.same({ seen = "a=2", n = 0 },
      t.decode(reply("fields", '{"a":1,"a":2}')))
  end)

  it("answers other keys as a table does", function()
    assert.same({ true, true, true, true, false },
      (alice:request("strange", { null = t.null })))
  end)

  it("has its text, and a table", function()
    assert.equal([["{\"a\": 1}"]], reply("text", '{"a": 1}'))
    assert.equal('{"a":1}', reply("whole", '{"a": 1}'))
    assert.same({ a = 2 }, (alice:request("own", { a = 1 })))
  end)

  it("cannot be written", function()
    local _, code = alice:try("write", { a = 0 })
    assert.equal("HANDLER_ERROR", code)
    assert.matches("v.lua:%d+: a view cannot be written: data%(%) is a table",
      server:log())
  end)

  it("is checked before, and the rate counts", function()
    local bob = server:connect { user = "bob" }
    local _, code, text = bob:try("checked", { text = "longer" })
    assert.equal("BAD_REQUEST", code)
    assert.equal("data.text: expected string<=5", text)
    assert.same({ text = "short" }, (bob:request("checked", { text = "short" })))
    _, code = bob:try("checked", { text = "a" })
    assert.equal("RATE_LIMITED", code)
    _, code = alice:try("checked", { text = "a", more = 1 })
    assert.equal("BAD_REQUEST", code)
  end)

  it("is refused what is no JSON", function()
    for _, bad in ipairs { '{"a":1,}', '{"a":1e400}', '{"a":"\\ud800"}', "[1",
      '{"a":"\\x"}', "[01]", ("["):rep(64) .. ("]"):rep(64) } do
      alice:send_text(('{"type":"echo","id":1,"data":%s}'):format(bad))
    end
    assert.equal('"number"', reply("kind", "1")) -- no answer came before
  end)

  it("may be as deep as any, and no deeper in what is sent", function()
    local function nest(n) return ("["):rep(n) .. ("]"):rep(n) end
    assert.equal(nest(63), reply("echo", nest(63)))
    assert.equal(nest(64), reply("deep", nest(62)))
    reply("deep", nest(63))
    assert.matches("more than 64 levels cannot be sent", server:log(), 1, true)
  end)

  it("shows @message the same", function()
    local _, code = alice:try("echo", { forbidden = true })
    assert.equal("view.forbidden", code)
  end)

  it("keeps what it is made of", function()
    assert.equal("null", reply("keep", '{"list":["a",{"b":1}]}'))
    assert.equal('[{"list":["a",{"b":1}]},{"b":1},["a",{"b":1}]]',
      reply("kept", "1"))
    assert.equal('[5,{"a":5}]', reply("waits", '{"a":5}'))
  end)

  it("goes into messages and refusals", function()
    alice:send_text '{"type":"room","data":{"part": [1.0], "x": "y"}}'
    alice:expect("said", { part = { 1.0 }, x = "y" })
    alice:expect("told", { from = "me", data = { 1.0 } })
    local _, code, _, problem = alice:try("refuses", { why = { 1 } })
    assert.equal("view.no", code)
    assert.same({ why = { 1 } }, problem.data)
  end)

  it("is no plain data", function()
    local ok, problem, kept = table.unpack(alice:request("store", { a = 1 }))
    assert.is_false(ok)
    assert.matches("a view is not plain data", problem, 1, true)
    assert.same({ a = 1 }, kept)
  end)

  it("is compared with what was promised", function()
    local strict = t.server { scripts = { ["v.lua"] = SCRIPT },
      options = { ["script.check_sent"] = true } }
    local carol = strict:connect { user = "carol" }
    assert.same({ a = "x" }, (carol:request("promised", { a = "x" })))
    local _, code = carol:try("promised", { a = 1 })
    assert.equal("HANDLER_ERROR", code)
    assert.matches("the reply is not as `reply` of 'promised' declares it",
      strict:log(), 1, true)
    _, code = carol:try("emits", { a = 1 })
    assert.equal("HANDLER_ERROR", code)
    strict:stop()
  end)

  it("has a budget for long texts", function()
    local long = "[" .. ("1,"):rep(20000) .. "1]"
    for _, kind in ipairs { "loop", "count" } do
      assert.matches("HANDLER_TIMEOUT", reply(kind, long))
    end
  end)
end)
