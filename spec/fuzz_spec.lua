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

-- The same over HTTP.
local WEB = [[
local seen = {}

return {
  ["@http POST /carts/:id"] = {
    schema = { sku = "string>=1<=40", count = "integer>=1<=99" },
    reply = { id = "string" },
    handler = function(request)
      local data, query = request.data, request.query
      %s
      return { id = request.params.id }
    end,
  },
  ["@http POST /carts/new"] = function() error "this is for nobody else" end,
  ["@http GET /carts/*"] = { rate = "1000/s", burst = 5, handler = function(request)
    return request.query.name or request.path
  end },
  ["@http PUT /files/:one/:two"] = function(request)
    return { headers = { ["X-Kind"] = request.headers["x-kind"] }, status = 200,
      body = request.body }
  end,
  ["@http cart.count"] = { schema = { id = "integer>=1" }, reply = "integer", rate = "1000/s",
    burst = 5, handler = function(request) return request.data.id end },
}
]]

local WEB_FAULTS = {
  ["an error that a part of a path brings"] =
    { "if request.params.id:find '%%' then error 'percent' end", "cart.lua:9: percent" },
  ["an error that a query brings"] =
    { "if query.sort then seen[nil] = query.sort end", "cart.lua:9: table index is nil" },
  ["an error at a limit of the body"] =
    { "if data.count == 99 then error 'full' end", "cart.lua:9: full" },
  ["a reply that is not as declared"] =
    { "if data.count == 1 then return { id = 1 } end", "cart.lua:[^\n]*data.id" },
  ["a table that grows"] =
    { "seen[#seen + 1] = { data.sku, data.count }", "each message leaves %d+ bytes" },
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

  it("finds what is wrong with a handler that has a view, and nothing else",
    function()
      local text = CART:format "%s":gsub("schema =", "view = true, schema =", 1)
      local wrong = "if data.count == 99 then data.count = 1 end"
      local status, out, problem = fuzz(cli.folder { ["cart.lua"] =
        text:format(wrong) }, "--seed=7", "--only=cart.add")
      assert.equal(1, status, out .. problem)
      assert.matches("perigee: cart.add: [^\n]*cart.lua:9: a view cannot be written",
        problem)
      status, out, problem = fuzz(cli.folder { ["cart.lua"] = text:format "" },
        "--seed=7", "--only=cart.add")
      assert.equal(0, status, out .. problem)
    end)

  for what, case in pairs(WEB_FAULTS) do
    it("finds over HTTP " .. what, function()
      local folder = cli.folder { ["cart.lua"] = WEB:format(case[1]) }
      local status, out, problem = fuzz(folder, "--seed=7", "--only=@http POST /carts/:id")
      assert.equal(1, status, out .. problem)
      assert.matches("perigee: @http POST /carts/:id: [^\n]*" .. case[2], problem)
      if not what:find "grows" then
        assert.matches("  sent   POST /carts/[^\n]*{", problem)
      end
      assert.matches("%-%-seed=7 %-%-only='@http POST /carts/:id'\n", problem)
    end)
  end

  it("finds what bodies and headers do, and what backends ask", function()
    for line, kind in pairs {
      ['if #request.body > 90 then error "long" end return'] = "PUT /files/:one/:two",
      ['if request.headers["x-kind"] == "null" then error "no kind" end return'] =
        "PUT /files/:one/:two",
      ['if request.data.id == 1 then error "one" end return'] = "cart.count",
    } do
      local text = WEB:format "":gsub("(" .. kind:gsub("%W", "%%%0") .. ".-)return", function(head)
        return head .. line
      end, 1)
      local status, out, problem = fuzz(cli.folder { ["cart.lua"] = text }, "--seed=7",
        "--only=@http " .. kind)
      assert.equal(1, status, kind .. out .. problem)
      assert.matches("perigee: @http " .. kind .. ": [^\n]*" .. line:match '"([^"]+)" end',
        problem)
    end
  end)

  it("finds nothing over HTTP where nothing is wrong", function()
    local text = WEB:format "":gsub("error \"[^\"]*\"", "")
    local status, out, problem = fuzz(cli.folder { ["cart.lua"] = text })
    assert.equal(0, status, out .. problem)
    assert.matches("^5 handlers, %d+ messages, 0 faults", out)
  end)

  it("leaves paths to the handlers that they are for", function()
    local status, out, problem = fuzz(cli.folder { ["cart.lua"] = WEB:format "" }, "--seed=7",
      "--only=@http POST /carts/:id")
    assert.equal(0, status, out .. problem)
  end)

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
