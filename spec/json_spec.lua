-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"
local json = require "spec.support.json"

describe("A JSON value", function()
  local server, alice

  lazy_setup(function()
    server = t.server {
      scripts = {
        ["json.lua"] = [[
          local perigee = require "perigee"
          local cycle = {}
          cycle.self = cycle
          local bad = {
            ["invalid UTF-8"] = "\xff",
            ["half a character"] = "abc\xc3",
            ["a surrogate"] = "\xed\xa0\x80",
            ["an overlong NUL"] = "\xc0\x80",
            ["a bad key"] = { ["\xff"] = 1 },
            ["not a number"] = 0 / 0,
            ["infinity"] = { -math.huge },
            ["a function"] = print,
            ["a coroutine"] = coroutine.create(print),
            ["a cycle"] = cycle,
          }
          local ways = {
            send = function(client, value)
              client:send { type = "bad", data = value }
            end,
            send_to_user = function(client, value)
              perigee.send_to_user(client.user_id,
                { type = "bad", data = value })
            end,
            send_to_room = function(_, value)
              perigee.send_to_room("r", { type = "bad", data = value })
            end,
            broadcast = function(_, value)
              perigee.broadcast { type = "bad", data = value }
            end,
            encode = function(_, value) perigee.json.encode(value) end,
          }
          return {
            echo = function(_, data) return data end,
            push = function(client, data)
              client:send { type = "pushed", data = data }
            end,
            bad = function(client, data)
              return (pcall(ways[data.way], client, bad[data.value]))
            end,
            bad_reply = function(_, data) return bad[data] end,
            bad_message = function(client, data)
              return (pcall(client.send, client, data))
            end,
          }
        ]],
      },
      options = {
        ["heartbeat.interval_s"] = 3600, -- no pings in between
        ["limits.messages_per_s"] = 0,
        ["limits.bytes_per_s"] = 0,
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect { user = "alice" } end)

  -- Sends the text as data, by reply and by push; both must bring it back.
  local function check(text)
    local value = json.canonical(text)
    alice:send_text('{"type":"echo","id":7,"data":' .. text .. "}")
    local reply = alice:receive()
    assert.equal('{"data":' .. value .. ',"id":7,"type":"reply"}',
      json.canonical(reply))
    alice:send_text('{"type":"push","data":' .. text .. "}")
    local push = alice:receive()
    assert.equal('{"data":' .. value .. ',"type":"pushed"}',
      json.canonical(push))
    assert.equal('{"type":', reply:sub(1, 8))
    assert.equal('{"type":', push:sub(1, 8))
  end

  it("comes back exactly, whatever it is", function()
    math.randomseed(20240229)
    for _ = 1, 2000 do
      check(json.random(4))
    end
  end)

  for what, text in pairs {
    ["integers"] = "[0,5,-1,42,2147483648,1234567890123456]",
    ["integers up to 2^53"] =
      "[9007199254740991,-9007199254740991,9007199254740992]",
    ["floats"] = "[0.1,-1.5,3.141592653589793,5e-324,1.7976931348623157e308,"
      .. "0.30000000000000004,-0.0]",
    ["zeros with a sign"] = "[-0,[-0]]",
    ["floats at the edge"] = "[1.7976931348623158e308,2.2250738585072014e-308,"
      .. "2.225073858507201e-308,4.9406564584124654e-324,-5e-324]",
    ["empty arrays"] = '[[],[[]],{"a":[]},[[],{}]]',
    ["empty objects"] = '[{},{"a":{}},{"a":{"b":{}}}]',
    ["an empty array"] = "[]",
    ["an empty object"] = "{}",
    ["nulls inside"] = '[null,[null,1],{"a":null},[1,null,2,null,null]]',
    ["keys of digits"] = '{"1":"a","2":"b","3":{"1":null}}',
    ["an empty key"] = '{"":{"":""}}',
    ["true and false"] = '[true,false,{"a":false}]',
    ["control characters"] = [["\b\f\n\r\t\u0000\u0001\u001f\u007f\"\\\/"]],
    ["an escaped NUL in a key"] = [[{"a\u0000b":"c\u0000d"}]],
    ["line separators"] = [["\u2028\u2029"]],
    ["characters of every plane"] = [["aé€😀\ud83d\ude00\uffff\udbff\udfff"]],
    ["deep nesting"] = ("["):rep(30) .. "1" .. ("]"):rep(30),
  } do
    it("keeps " .. what, function() check(text) end)
  end

  it("keeps every plane of Unicode", function()
    for plane = 0, 16 do
      local chars = {}
      for i = 1, 200 do
        local code = plane * 0x10000 + i * 327 % 0x10000
        chars[i] = code >= 0x20 and (code < 0xD800 or code > 0xDFFF)
          and code ~= 0x22 and code ~= 0x5C and utf8.char(code) or "."
      end
      check('"' .. table.concat(chars) .. '"')
    end
  end)

  it("may be null at the top", function()
    assert.equal(t.null, alice:request("echo", t.null))
  end)

  for _, text in ipairs {
    "NaN", "Infinity", "-Infinity", "nan", "0x10", "01", "-01", "1.", ".5",
    "+1", "1e", "--1", "[1,]", '{"a":1,}', "[1 2]", '{"a" 1}', "{a:1}",
    "{'a':1}", "'a'", '"a', '"\\x"', '"\\u12"', '"\\ud800"',
    '"\\ud800\\u0041"', '"\t"', "tru", "nul", "True", "// x\n1", "/**/1", "",
    ("["):rep(5000) .. ("]"):rep(5000), ('{"a":'):rep(5000) .. ("}"):rep(5000),
  } do
    it("is refused as " .. text:sub(1, 20), function()
      alice:send_text('{"type":"echo","id":7,"data":' .. text .. "}")
      alice:send "ping"
      alice:expect "pong"
      for _, message in ipairs(alice.inbox) do
        assert.equal("error", message.type)
        assert.equal("BAD_JSON", message.data.code)
      end
    end)
  end

  it("is refused with text after it", function()
    alice:send_text '{"type":"push","data":1} x'
    alice:send_text '{"type":"push","data":1}{"type":"push","data":1}'
    alice:send "ping"
    alice:expect "pong"
    for _, message in ipairs(alice.inbox) do
      assert.equal("error", message.type)
    end
  end)

  describe("that no client could read", function()
    local bad = {
      "invalid UTF-8", "half a character", "a surrogate", "an overlong NUL",
      "a bad key", "not a number", "infinity", "a function", "a coroutine",
      "a cycle",
    }
    for _, value in ipairs(bad) do
      it("raises where it is sent: " .. value, function()
        local bob = server:connect { user = "bob" }
        bob:request("join", { room = "r" })
        for _, way in ipairs {
          "send", "send_to_user", "send_to_room", "broadcast", "encode",
        } do
          local ok = alice:request("bad", { way = way, value = value })
          assert.is_false(ok, way)
        end
        bob:expect_nothing()
        alice:expect_nothing()
      end)

      it("is a handler error where it is returned: " .. value, function()
        local _, code = alice:try("bad_reply", value)
        assert.equal("HANDLER_ERROR", code)
        alice:expect_nothing()
      end)
    end
  end)

  it("is sent under a type, or not at all", function()
    for _, message in ipairs {
      {}, { data = 1 }, { type = 5 }, { type = "" }, { type = t.array {} },
    } do
      assert.is_false(alice:request("bad_message", message))
    end
    alice:expect_nothing()
  end)
end)
