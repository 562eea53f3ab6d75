-- SPDX-License-Identifier: MIT
-- lua-cjson in a script: what it decodes goes out as what it was.
local json = require "spec.support.json"
local t = require "perigee.testing"

local text = '{"n":5,"f":5.0,"big":9007199254740993,"list":[],"obj":{},'
  .. '"null":null,"deep":[1,[2],{"a":[[]]}],"text":"\\u20ac","no":false}'

local script = [==[
  local cjson = require "cjson"
  local safe = require "cjson.safe"
  local perigee = require "perigee"
  return {
    decoded = function(_, text) return cjson.decode(text) end,
    safe = function(_, text) return safe.decode(text) end,
    safe_bad = function() return { select("#", safe.decode "[1,"),
      (safe.decode "[1,") == nil } end,
    bad = function() return (pcall(cjson.decode, "[1,")) end,
    new = function(_, text) return cjson.new().decode(text) end,
    stored = function(_, text)
      perigee.store.set("it", cjson.decode(text))
      return perigee.store.get "it"
    end,
    null = function() return { cjson.null == perigee.json.null, cjson.null } end,
    lenient = function() return tostring(cjson.decode("[NaN]")[1]) end,
    again = function() return require "cjson" == cjson end,
    keep = function(client, text) client.state.it = cjson.decode(text) end,
    kept = function(client) return client.state.it end,
  }
]==]

describe("What lua-cjson has decoded", function()
  local server, alice

  lazy_setup(function()
    server = t.server { scripts = { ["main.lua"] = script } }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect "alice" end)

  -- The `data` of the reply, as text.
  local function reply(type, data)
    alice:send(type, data, 1)
    local raw = alice.ws:receive(10)
    return json.canonical(assert(raw:match '"data":(.*)}$'))
  end

  for _, way in ipairs { "decoded", "safe", "new", "stored" } do
    it("is sent as it was: " .. way, function()
      for _, each in ipairs { text, "[]", "{}", "[[],{}]", "5", "null" } do
        assert.equal(json.canonical(each), reply(way, each))
      end
    end)
  end

  it("comes through a reload", function()
    alice:request("keep", text)
    server:reload()
    assert.equal(json.canonical(text), reply "kept")
  end)

  it("may be null", function()
    assert.equal("[true,null]", reply "null")
  end)

  it("is what lua-cjson takes for JSON", function()
    assert.is_false(alice:request "bad")
    assert.same({ 2, true }, alice:request "safe_bad")
    assert.matches("nan", alice:request "lenient")
    assert.is_true(alice:request "again")
  end)
end)

describe("A sandbox", function()
  it("has no lua-cjson, as it has no C modules", function()
    local server = t.server {
      scripts = { ["main.lua"] = [[
        return { has = function() return (pcall(require, "cjson")) end }
      ]] },
      options = { ["script.sandbox"] = true },
    }
    assert.is_false(server:connect("alice"):request "has")
  end)
end)
