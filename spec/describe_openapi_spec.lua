-- SPDX-License-Identifier: MIT
-- `perigee describe --format=openapi`: the handlers of HTTP.
local cli = require "spec.support.cli"
local openapi_version = require "spec.support.openapi"
local t = require "perigee.testing"

local SHOP = [[
return {
  ["shop.buy"] = { schema = { sku = "string" }, handler = print },
  ["@http stock.left"] = { doc = "How many are left.",
    schema = { sku = "string>=1<=20" }, reply = "integer>=0", handler = print },
  ["@http tick"] = function() end,
  ["@http GET /stock"] = { reply = { { sku = "string" } }, handler = print },
  ["@http POST /hooks/*"] = { schema = { event = "string" }, rate = "5/s",
    handler = print },
  ["@http GET /users/:id/cars/:n"] = print,
  ["@http POST /users/:who/cars/:which"] = print,
}
]]

local function describe_shop(files)
  local status, out, problem = cli.run { "describe",
    cli.folder(files or { ["shop.lua"] = SHOP }), "--format=openapi" }
  assert.equal(0, status, problem)
  return out
end

describe("perigee describe --format=openapi", function()
  after_each(cli.cleanup)

  it("has what backends may call, and plain HTTP", function()
    local api = t.decode(describe_shop())
    assert.equal("3.1.0", api.openapi)
    local left = api.paths["/call/stock.left"].post
    assert.equal("How many are left.", left.summary)
    local body = left.requestBody.content["application/json"].schema
    assert.same({ "data" }, body.required)
    assert.same({ type = "string", minLength = 1, maxLength = 20 },
      body.properties.data.properties.sku)
    assert.same({ type = "integer", minimum = 0 },
      left.responses["200"].content["application/json"].schema)
    assert.matches("/api/v1$", left.servers[1].url)
    local tick = api.paths["/call/tick"].post.requestBody.content["application/json"].schema
    assert.is_nil(tick.required)
    local stock = api.paths["/stock"].get
    assert.is_nil(stock.requestBody)
    assert.equal("array", stock.responses["200"].content["application/json"].schema.type)
    local hook = api.paths["/hooks/{rest}"].post
    assert.is_true(hook.requestBody.required)
    assert.equal("rest", hook.parameters[1].name)
    assert.is_nil(api.paths["shop.buy"])
  end)

  it("has the names in paths, of all methods the same", function()
    local api = t.decode(describe_shop())
    local cars = api.paths["/users/{id}/cars/{n}"]
    for _, method in ipairs { "get", "post" } do
      local names = {}
      for i, parameter in ipairs(cars[method].parameters) do
        names[i] = parameter.name
      end
      assert.same({ "id", "n" }, names)
    end
    assert.is_nil(api.paths["/users/{who}/cars/{which}"])
  end)

  it("is empty where there are none", function()
    local out = describe_shop { ["a.lua"] = "return {}" }
    assert.matches('"paths": {}', out, 1, true)
  end)

  it("is valid to a validator of somebody else", function()
    for _, files in ipairs { false, { ["a.lua"] = "return {}" } } do
      local version = openapi_version(describe_shop(files or nil))
      if not version then
        pending "npm cannot fetch the validator"
        return
      end
      assert.equal("3.1", version)
    end
  end)
end)
