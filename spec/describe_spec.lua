-- SPDX-License-Identifier: MIT
-- `perigee describe`: what scripts declare, as a page, AsyncAPI, JSON Schema.
local admin = require "spec.support.admin"
local cli = require "spec.support.cli"
local lfs = require "lfs"
local program = require "spec.support.program"
local t = require "perigee.testing"

local ROOT = lfs.currentdir()

local SHOP = [[
return {
  ["shop.buy"] = {
    doc = "Buys one thing.", rate = "2/s", burst = 4,
    schema = { sku = "string>=1<=20", kind = "'a'|'b'?", ["*"] = false },
    reply = { price = "integer>=0", seen = { { at = "number" } } },
    emits = { ["shop.bought"] = { sku = "string" } },
    handler = print,
  },
  quiet = { reply = "null", handler = print },
  ["@http stock.left"] = { schema = { sku = "string" }, reply = "integer",
    handler = print },
  ["@http GET /stock/:sku"] = { reply = "integer", rate = "2/s", handler = print },
  ["@http PUT /stock"] = print,
}
]]

local function describe_as(format, scripts)
  local status, out, problem = cli.run { "describe",
    scripts or cli.folder { ["shop.lua"] = SHOP }, "--format=" .. format }
  assert.equal(0, status, problem)
  return out
end

describe("perigee describe", function()
  after_each(cli.cleanup)

  it("prints a page for people", function()
    local page = describe_as "markdown"
    for _, part in ipairs {
      "## What clients send\n\n### quiet\n\nData (may be missing): any.\n\n"
        .. "Reply: null.\n\n### shop.buy\n\nBuys one thing.\n\nData: object.\n\n",
      "| `kind` | one of `a`, `b`, or null | may be missing |\n",
      "| `sku` | string, 1 to 20 characters |  |\n| | no other fields | |\n",
      "| `price` | integer, at least 0 |  |\n| `seen` | array of object |  |\n"
        .. "| `seen[].at` | number |  |\n",
      "Sends `shop.bought`.\n\nAt most 2 a second from one user, 4 at once.\n",
      "## What the server sends\n\n### shop.bought\n\n",
      "## Plain HTTP\n\n### GET /stock/:sku\n\nAnswer: integer.\n\n"
        .. "At most 2 a second from one address, 2 at once.\n\n"
        .. "### PUT /stock\n\nBody (may be missing): any.\n\n",
      "## What backends ask\n\n### stock.left\n\nData: object.\n\n",
    } do
      assert.matches(part, page, 1, true)
    end
  end)

  it("prints JSON Schema, which the admin address has, too", function()
    local folder = cli.folder { ["shop.lua"] = SHOP }
    local document = t.decode(describe_as("json-schema", folder))
    assert.equal("https://json-schema.org/draft/2020-12/schema",
      document["$schema"])
    local defs = document["$defs"]
    local buy = defs.requests.properties["shop.buy"]
    assert.same({ type = "string", minLength = 1, maxLength = 20 },
      buy.properties.sku)
    assert.same({ "sku" }, buy.required)
    assert.is_false(buy.additionalProperties)
    assert.same({ "shop.bought" }, buy["x-emits"])
    assert.same({ type = "null" }, defs.replies.properties.quiet)
    assert.same({ type = "integer" }, defs.answers.properties["stock.left"])
    local server = t.server { scripts = folder }
    local status, body = admin.get(server, "/interface")
    assert.equal(200, status)
    assert.same(document, t.decode(body))
  end)

  it("knows its formats", function()
    local status, _, problem = cli.run { "describe", "--format=pdf" }
    assert.equal(2, status)
    assert.matches("markdown, asyncapi, openapi or json%-schema, not pdf", problem)
  end)

  it("prints the same for the same declarations", function()
    for _, format in ipairs { "markdown", "asyncapi", "openapi", "json-schema" } do
      assert.equal(describe_as(format), describe_as(format))
    end
  end)

  -- Only where npm can fetch it; it is kept in the folder of builds.
  it("prints what AsyncAPI's own parser takes for AsyncAPI 3.1", function()
    local dir = program.fetch "@asyncapi/parser@3.6.6"
    if not dir then
      pending "npm cannot fetch the parser"
      return
    end
    local folder = cli.folder { ["check.mjs"] = [[
      import { readFileSync } from 'node:fs';
      import { createRequire } from 'node:module';
      const { Parser } = createRequire(process.argv[2] + '/')('@asyncapi/parser');
      for (const path of process.argv.slice(3)) {
        const { document, diagnostics } =
          await new Parser().parse(readFileSync(path, 'utf8'));
        console.log(document?.version(),
          document?.operations().all().map((one) => one.id()).join(' '),
          JSON.stringify(diagnostics));
      }
    ]], ["shop.json"] = describe_as "asyncapi",
      ["starter.json"] = describe_as("asyncapi", ROOT .. "/scripts") }
    local said = program.check(folder, dir, "shop.json starter.json")
    assert.equal("3.1.0 push.shop.bought request.quiet request.shop.buy []",
      said:match "[^\n]*")
    assert.matches("\n3.1.0 push.chat.message [^\n]* request.notify.all %[%]\n", said)
  end)
end)
