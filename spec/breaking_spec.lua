-- SPDX-License-Identifier: MIT
-- Which changes of the declarations break clients that are out there.
local admin = require "spec.support.admin"
local cli = require "spec.support.cli"
local t = require "perigee.testing"

-- Two handlers and a push, each part of which may be another one.
local function shop(parts)
  local with = { buy = "{ sku = 'string<=20', kind = \"'a'|'b'?\" }",
    reply = "{ price = 'integer', note = 'string?' }",
    push = "{ sku = 'string', state = \"'new'|'old'\" }",
    other = "{ handler = print, schema = 'string?' }" }
  for name, text in pairs(parts) do
    with[name] = text
  end
  return ([[
    return {
      ["@emits"] = { %s },
      %s
      other = %s,
    }
  ]]):format(with.push and "['shop.state'] = " .. with.push or "",
    with.buy and ("['shop.buy'] = { handler = print, schema = %s, %s },")
      :format(with.buy, with.reply and "reply = " .. with.reply or "") or "",
    with.other)
end

-- What has changed; what breaks, in the words of the command.
local BREAKING = {
  { "a request that is gone", { buy = false },
    "request shop.buy: is gone" },
  { "a push that is gone", { push = false }, "push shop.state: is gone" },
  { "a reply that is not declared any more", { reply = false },
    "reply shop.buy: is not declared any more" },
  { "a field that must be there",
    { buy = "{ sku = 'string<=20', kind = \"'a'|'b'?\", n = 'integer' }" },
    "request shop.buy: data.n: must be there now" },
  { "a field that was optional", { buy = "{ sku = 'string<=20', kind = \"'a'|'b'\" }" },
    "request shop.buy: data.kind: must be there now" },
  { "a field of another type",
    { buy = "{ sku = 'integer', kind = \"'a'|'b'?\" }" },
    "request shop.buy: data.sku: is integer now, was string" },
  { "narrower limits", { buy = "{ sku = 'string<=10', kind = \"'a'|'b'?\" }" },
    "request shop.buy: data.sku: at most 10 characters now, was at most 20 characters" },
  { "a word that is refused", { buy = "{ sku = 'string<=20', kind = \"'a'?\" }" },
    "request shop.buy: data.kind: 'b' is refused now" },
  { "other fields that are refused",
    { buy = "{ sku = 'string<=20', kind = \"'a'|'b'?\", ['*'] = false }" },
    "request shop.buy: data: other fields are refused now" },
  { "data that must be there", { other = "{ handler = print, schema = 'string' }" },
    "request other: data: must be there now" },
  { "a schema where there was none", { other = "{ handler = print, schema = 'integer?' }" },
    "request other: data: is integer now, was string" },
  { "a field of a reply that is gone", { reply = "{ note = 'string?' }" },
    "reply shop.buy: data.price: is not there any more" },
  { "a field of a reply that may be missing",
    { reply = "{ price = 'integer?', note = 'string?' }" },
    "reply shop.buy: data.price: may be missing now" },
  { "a wider type of a reply", { reply = "{ price = 'number', note = 'string?' }" },
    "reply shop.buy: data.price: is number now, was integer" },
  { "a word of a push that is new", { push = "{ sku = 'string', state = \"'new'|'old'|'lost'\" }" },
    "push shop.state: data.state: 'lost' is new" },
}

local COMPATIBLE = {
  { "a new request", { other = "{ handler = print, schema = 'string?' }, more = print" },
    "request more: is new" },
  { "a new push", { push = "{ sku = 'string', state = \"'new'|'old'\" }, ['shop.x'] = 'any'" },
    "push shop.x: is new" },
  { "a new optional field",
    { buy = "{ sku = 'string<=20', kind = \"'a'|'b'?\", n = 'integer?' }" },
    "request shop.buy: has changed" },
  { "a field that may be missing now", { buy = "{ sku = 'string<=20?', kind = \"'a'|'b'?\" }" },
    "request shop.buy: has changed" },
  { "wider limits", { buy = "{ sku = 'string<=30', kind = \"'a'|'b'?\" }" },
    "request shop.buy: has changed" },
  { "a further word", { buy = "{ sku = 'string<=20', kind = \"'a'|'b'|'c'?\" }" },
    "request shop.buy: has changed" },
  { "a field that is not looked at any more", { buy = "{ kind = \"'a'|'b'?\" }" },
    "request shop.buy: has changed" },
  { "a further field of a reply",
    { reply = "{ price = 'integer', note = 'string?', at = 'number' }" },
    "reply shop.buy: has changed" },
  { "a word of a push that is gone", { push = "{ sku = 'string', state = \"'new'\" }" },
    "push shop.state: has changed" },
  { "narrower limits of a reply", { reply = "{ price = 'integer>=0', note = 'string?' }" },
    "reply shop.buy: has changed" },
}

describe("perigee check --against", function()
  after_each(cli.cleanup)

  local function check(old, new, ...)
    local file = cli.folder() .. "/old.json"
    assert.equal(0, (cli.run { "describe", cli.folder { ["a.lua"] = old },
      "--format=json-schema", "--out=" .. file }))
    return cli.run { "check", cli.folder { ["a.lua"] = new },
      "--against=" .. file, ... }
  end

  -- The lines that say what has changed.
  local function changes(out)
    local lines = {}
    for line in out:gmatch "\n  ([^\n]+)" do
      lines[#lines + 1] = line
    end
    return lines
  end

  it("finds nothing where nothing has changed", function()
    local status, out = check(shop {}, shop {})
    assert.equal(0, status)
    assert.same({}, changes(out))
  end)

  for _, case in ipairs(BREAKING) do
    it("finds that clients are broken by " .. case[1], function()
      local status, out, problem = check(shop {}, shop(case[2]))
      assert.equal(3, status, out .. problem)
      assert.equal("breaking    " .. case[3], changes(out)[1])
      assert.matches("would break clients", problem)
    end)
  end

  for _, case in ipairs(COMPATIBLE) do
    it("allows " .. case[1], function()
      local status, out = check(shop {}, shop(case[2]))
      assert.equal(0, status, out)
      assert.same({ "compatible  " .. case[3] }, changes(out))
    end)
  end

  it("takes such a change if it is meant", function()
    local status, out = check(shop {}, shop { buy = false }, "--allow-breaking")
    assert.equal(0, status)
    assert.equal("breaking    request shop.buy: is gone", changes(out)[1])
  end)

  it("compares with a folder, and with a server that is running", function()
    local old = cli.folder { ["a.lua"] = shop {} }
    local new = cli.folder { ["a.lua"] = shop { push = false } }
    local server = t.server { scripts = old }
    for _, against in ipairs { old, "http://" .. server.admin,
      "http://" .. server.admin .. "/interface" } do
      local status, out = cli.run { "check", new, "--against=" .. against }
      assert.equal(3, status)
      assert.same({ "breaking    push shop.state: is gone" }, changes(out))
    end
  end)

  it("says what it cannot compare with", function()
    local new = cli.folder { ["a.lua"] = shop {}, ["b.json"] = "{}" }
    for against, words in pairs {
      ["/none.json"] = "/none.json: No such file",
      [new .. "/b.json"] = "b.json is not what `perigee describe %-%-format=json%-schema` prints",
      [new .. "/a.lua"] = "a.lua: not valid JSON at byte",
    } do
      local status, _, problem = cli.run { "check", new, "--against=" .. against }
      assert.equal(1, status)
      assert.matches(words, problem)
    end
    assert.equal(2, (cli.run { "check", new, "--against=http://127.0.0.1:1/" }))
  end)
end)

describe("perigee reload --check", function()
  it("says what would break clients, and changes nothing", function()
    local server = t.server { scripts = { ["a.lua"] = shop {} } }
    local function reload(...)
      return cli.run { "reload", "--check", "--admin=" .. server.admin, ... }
    end
    assert.equal(0, (reload()))
    server:write("a.lua", shop { push = false })
    local status, out, problem = reload()
    assert.equal(3, status)
    assert.matches("the scripts are good", out)
    assert.matches("  breaking    push shop.state: is gone\n", out, 1, true)
    assert.matches("1 change would break clients", problem)
    assert.equal(0, (reload "--allow-breaking"))
    local answer = admin.reload(server, "?check=1")
    assert.same({ { part = "push", type = "shop.state", text = "is gone" } },
      answer.breaking)
    assert.same({}, answer.compatible)
    assert.equal(1, answer.generation)
  end)
end)
