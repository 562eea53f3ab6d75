-- SPDX-License-Identifier: MIT
-- What scripts send is what they have declared: `reply` and `emits`.
local admin = require "spec.support.admin"
local t = require "perigee.testing"

local SHOP = [[
local perigee = require "perigee"

return {
  ["@emits"] = { ["shop.opened"] = { at = "number" } },

  ["shop.buy"] = {
    doc = "Buys one thing.",
    schema = { sku = "string", wrong = "string?" },
    reply = { price = "integer>=0" },
    emits = { "shop.opened", ["shop.bought"] = { sku = "string" } },
    handler = function(client, data)
      if data.wrong == "push" then
        client:send { type = "shop.bought", data = { sku = 5 } }
      elseif data.wrong == "unnamed" then
        client:send { type = "shop.closed" }
      elseif data.wrong == "refuse" then
        return nil, "shop.closed", "Come back tomorrow"
      elseif data.wrong == "opened" then
        client:send { type = "shop.opened", data = { at = "noon" } }
      end
      client:send { type = "shop.bought", data = { sku = data.sku } }
      return { price = data.wrong == "reply" and "free" or 5 }
    end,
  },
  quiet = { reply = "null", handler = function(_, data)
    return data
  end },
  ["@http GET /price"] = { reply = { price = "integer>=0" }, handler = function(request)
    local answers = { good = { price = 5 }, bad = { price = "free" }, text = "as it is",
      whole = { status = 201, body = { price = {} } }, no = { status = 409, body = { why = 1 } } }
    return answers[request.query.what]
  end },
  free = function(client)
    client:send { type = "anything", data = 5 }
    client:send { type = "shop.bought", data = 5 }
    return "whatever"
  end,
}
]]

local function line_of(part)
  local before = SHOP:match("^(.-)" .. part:gsub("%p", "%%%0"))
  return select(2, before:gsub("\n", "")) + 1
end

describe("What a script sends", function()
  local server, alice

  local function start(mode)
    server = t.server { mode = mode, scripts = { ["shop.lua"] = SHOP },
      options = { ["limits.messages_per_s"] = 10000, ["limits.burst"] = 10000 } }
    alice = server:connect "alice"
  end

  local function failed(kind, data)
    local before = #server:log() + 1
    local _, code = alice:try(kind, data)
    assert.equal("HANDLER_ERROR", code)
    return server:wait_log("handler=[^\n]* ref=%w+ ([^\n]*)\n", before)
  end

  describe("in development mode", function()
    before_each(function() start "dev" end)

    it("goes its way if it is as declared", function()
      assert.same({ price = 5 }, (alice:request("shop.buy", { sku = "a" })))
      assert.same({ sku = "a" }, alice:expect("shop.bought").data)
      assert.equal(t.null, (alice:request "quiet"))
    end)

    it("is an error with file and line if the reply is another one", function()
      assert.equal(("%s/shop.lua:%d: what this function returned: the reply is "
        .. "not as `reply` of 'shop.buy' declares it: data.price: expected "
        .. "integer"):format(server.scripts, line_of "handler = function(client"),
        failed("shop.buy", { sku = "a", wrong = "reply" }))
      assert.matches("data: expected null", failed("quiet", 5))
    end)

    it("is such an error also if nobody waits for the reply", function()
      alice:send("quiet", 5)
      server:wait_log "handler=quiet [^\n]*data: expected null"
    end)

    it("is an error where it is sent if a push is another one", function()
      assert.equal(("%s/shop.lua:%d: 'shop.bought' is not as `emits` declares "
        .. "it: data.sku: expected string"):format(server.scripts,
        line_of "data = { sku = 5 }"),
        failed("shop.buy", { sku = "a", wrong = "push" }))
      assert.matches("data.at: expected number",
        failed("shop.buy", { sku = "a", wrong = "opened" }))
      assert.is_nil(alice:receive(0))
    end)

    it("is an error if a handler that says what it emits sends more", function()
      assert.matches("shop.lua:%d+: 'shop.buy' sends 'shop.closed', which its "
        .. "`emits` does not name",
        failed("shop.buy", { sku = "a", wrong = "unnamed" }))
    end)

    it("is held to what others have declared", function()
      assert.matches("'shop.bought' is not as `emits` declares it: data: "
        .. "expected object", failed "free")
    end)

    it("is held to it in an answer of plain HTTP, too", function()
      local function price(what)
        return server:http { path = "/price?what=" .. what }
      end
      for what, status in pairs { good = 200, text = 200, no = 409 } do
        assert.equal(status, price(what).status, what)
      end
      for _, what in ipairs { "bad", "whole", "nothing" } do
        local answer = price(what)
        assert.equal(500, answer.status, what)
        assert.matches("the reply is not as `reply` of '@http GET /price' declares it: data",
          answer.data.detail, 1, true)
      end
    end)

    it("may be a refusal, which is no reply", function()
      local _, code = alice:try("shop.buy", { sku = "a", wrong = "refuse" })
      assert.equal("shop.closed", code)
    end)
  end)

  it("is sampled, counted and sent in production", function()
    start()
    for _ = 1, 256 do
      assert.equal(5, (alice:request("quiet", 5)))
    end
    local function sum(name)
      local _, figures = admin.get(server, "/metrics")
      local total = 0
      for value in figures:gmatch("\n" .. name .. "{[^\n]*} (%d+)") do
        total = total + tonumber(value)
      end
      return total
    end
    assert.equal(4, sum "perigee_promises_checked_total")
    assert.equal(4, sum "perigee_promises_broken_total")
    local _, said = server:log():gsub("is not as it was declared", "")
    assert.equal(1, said)
  end)
end)

describe("A declaration of what is sent", function()
  local function refused(handlers, others)
    local ok, problem = pcall(t.server, { scripts = {
      ["a.lua"] = "return { x = { handler = print, " .. handlers .. " } }",
      ["b.lua"] = others or "return {}",
    } })
    assert.is_false(ok)
    return problem
  end

  for what, case in pairs {
    ["reply is no schema"] = { "reply = { a = 'text' }",
      "a.lua: handler 'x': reply: data.a: 'text' is not a type" },
    ["emits is no table"] = { "emits = 'chat'",
      "a.lua: handler 'x': emits: it must be a table of schemas by message type" },
    ["a push has no schema"] = { "emits = { ['a.b'] = 'strin' }",
      "a.lua: handler 'x': emits: a.b: data: 'strin' is not a type, did you mean 'string'?" },
    ["a push is the protocol's own"] = { "emits = { joined = 'any' }",
      "message type 'joined' is reserved" },
    ["a push that is named is declared by nobody"] = {
      "emits = { 'chat.mesage' }",
      "a.lua: handler 'x': emits: nothing declares 'chat.mesage', did you mean 'chat.message'?",
      "return { ['@emits'] = { ['chat.message'] = 'string' } }" },
    ["two declare the same push otherwise"] = {
      "emits = { ['chat.message'] = 'string' }",
      "b.lua: @emits: 'chat.message' is declared otherwise in [^\n]*a.lua, by handler 'x'",
      "return { ['@emits'] = { ['chat.message'] = 'string<=5' } }" },
    ["doc has two lines"] = { "doc = 'a\\nb'",
      "a.lua: handler 'x': doc must be one line of text" },
  } do
    it("is refused if " .. what, function()
      local text = refused(case[1], case[3])
      assert(text:find(case[2]), text)
    end)
  end
end)
