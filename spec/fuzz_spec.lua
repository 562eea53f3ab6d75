-- SPDX-License-Identifier: MIT
-- `perigee fuzz` finds what is wrong with handlers, and nothing where nothing
-- is.
local cli = require "spec.support.cli"
local lfs = require "lfs"
local t = require "perigee.testing"

local ROOT = lfs.currentdir()

-- A cart, with a place for each of the faults.
local CART = [[
local seen = {}

return {
  ["cart.add"] = {
    schema = { sku = "string>=1<=40", count = "integer>=1<=99", note = "string<=20?" },
    reply = { count = "integer>=1<=99" },
    emits = { ["cart.added"] = { sku = "string<=40" } },
    handler = function(client, data)
      %s
      client:send { type = "cart.added", data = { sku = data.sku } }
      return { count = data.count }
    end,
  },
  ["cart.clear"] = function() seen = {} end,
  ["cart.slow"] = { rate = "1000/s", burst = 5, schema = "string",
    handler = function() end },
}
]]

-- What is planted; what is found.
local FAULTS = {
  ["an error that an optional field brings"] =
    { "if #data.note > 10 then seen = {} end",
      "cart.add: [^\n]*cart.lua:9: attempt to get length of a nil value" },
  ["an error at a limit"] =
    { "if data.count == 99 then error 'full' end", "cart.add: [^\n]*cart.lua:9: full" },
  ["a reply that is not as declared"] =
    { "if data.count == 1 then return { count = 0 } end",
      "cart.add: [^\n]*the reply is not as `reply` of 'cart.add' declares it: data.count" },
  ["a push that is not as declared"] =
    { "client:send { type = 'cart.added', data = { sku = data.note } }",
      "cart.add: [^\n]*cart.lua:9: 'cart.added' is not as `emits` declares it" },
  ["a table that grows"] =
    { "seen[#seen + 1] = { data.sku, data.count }",
      "cart.add: each message leaves %d+ bytes in the memory of Lua" },
  ["a handler that never ends"] =
    { "while data.count == 99 do end", "cart.add: [^\n]*cart.lua:9: " },
}

describe("perigee fuzz", function()
  after_each(cli.cleanup)

  -- It takes its time on a busy machine.
  local function fuzz(folder, ...)
    local usual = t.timeout
    t.timeout = 200
    local status, out, problem = cli.run { "fuzz", folder, "--time=1", ... }
    t.timeout = usual
    return status, out, problem
  end

  local function cart(line)
    return cli.folder { ["cart.lua"] = CART:format(line or "") }
  end

  for what, case in pairs(FAULTS) do
    it("finds " .. what, function()
      local status, out, problem = fuzz(cart(case[1]), "--seed=7",
        "--only=cart.add")
      assert.equal(1, status, out .. problem)
      assert.matches("perigee: " .. case[2], problem)
      assert.matches("again  perigee fuzz %S+ %-%-seed=7 %-%-only=cart.add", problem)
      assert.matches("1 handlers, %d+ messages, [12] faults %(seed 7%)", out)
    end)
  end

  it("shows the message that was sent", function()
    local _, _, problem = fuzz(cart "error 'always'", "--only=cart.add")
    local sent = t.decode(problem:match "sent   ([^\n]+)")
    assert.equal("cart.add", sent.type)
    assert.is_string(sent.data.sku)
  end)

  it("finds nothing where nothing is wrong, and tells its seed", function()
    local status, out, problem = fuzz(cart())
    assert.equal(0, status, out .. problem)
    assert.matches("^3 handlers, %d+ messages, 0 faults %(seed %d+%)\n$", out)
  end)

  it("finds nothing in the starter scripts", function()
    for _, folder in ipairs { "/scripts", "/templates/scripts" } do
      local status, out, problem = fuzz(ROOT .. folder, "--claim", "admin=true")
      assert.equal(0, status, out .. problem)
    end
  end)

  it("says what it cannot do", function()
    for word, words in pairs {
      ["--seed=x"] = "--seed is a whole number",
      ["--time=-1"] = "--time is in seconds",
      ["--only=none"] = "no handler takes none",
    } do
      local status, _, problem = cli.run { "fuzz", cart(), word }
      assert.equal(2, status)
      assert.matches(words, problem, 1, true)
    end
    local status, _, problem = cli.run { "fuzz",
      cli.folder { ["a.lua"] = "return {" } }
    assert.equal(2, status)
    assert.matches("a.lua:1: ", problem, 1, true)
  end)
end)
