-- SPDX-License-Identifier: MIT
-- The pages about the HTTP API: docs/api.md is that of this program, and the
-- examples of docs/backend.md do what the page says.
local api = require "spec.support.api"
local cli = require "spec.support.cli"
local openapi_version = require "spec.support.openapi"
local t = require "perigee.testing"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

describe("docs/api.md", function()
  it("is what `perigee api --markdown` prints", function()
    local status, out = cli.run { "api", "--markdown" }
    assert.equal(0, status)
    assert(out == read "docs/api.md",
      "run build/perigee api --markdown > docs/api.md")
  end)
end)

describe("perigee api", function()
  it("prints what GET /api/v1/openapi.json answers", function()
    local server = t.server { options = api.options() }
    local _, served = api.ask(server, "GET", "/api/v1/openapi.json")
    local status, out = cli.run { "api" }
    assert.equal(0, status)
    assert.same(served, t.decode(out))
    assert.equal("3.1.0", served.openapi)
    server:stop()
  end)

  it("is valid OpenAPI to a validator of somebody else", function()
    local _, out = cli.run { "api" }
    local version = openapi_version(out)
    cli.cleanup()
    if not version then
      pending "npm cannot fetch the validator"
      return
    end
    assert.equal("3.1", version)
  end)

  it("takes no other words", function()
    local status, _, problem = cli.run { "api", "nothing" }
    assert.equal(2, status)
    assert.matches("nothing", problem)
  end)
end)

describe("docs/backend.md", function()
  local page = read "docs/backend.md"

  -- The example in a language, of at most six lines.
  local function example(language)
    local text = assert(page:match("\n```" .. language .. "\n(.-)\n```"), language)
    local code = text:gsub("//[^\n']*\n", "", 1)
    local _, breaks = code:gsub("\n", "")
    assert(breaks < 6, language)
    return text
  end

  local PROGRAMS = {
    sh = { "curl --version", "sh %s" },
    js = { "node --version", "node %s", ".mjs" },
    python = { "python3 --version", "python3 %s" },
    ruby = { "ruby --version", "ruby %s" },
    php = { "php --version", "php %s" },
  }

  for language, program in pairs(PROGRAMS) do
    it("has an example that works: " .. language, function()
      local text = example(language)
      if not os.execute(program[1] .. " >/dev/null 2>&1") then
        pending(program[1]:match "%S+" .. " is not here")
        return
      end
      local server = t.server { options = { ["api.keys"] = "shop:send:" .. api.SENDER } }
      local alice = server:connect "alice"
      local dir = cli.folder { ["example" .. (program[3] or "")] =
        (language == "php" and "<?php\n" or "") .. text:gsub("127%.0%.0%.1:8081", server.admin) }
      local pipe = io.popen(("SHOP_KEY=%s %s 2>&1"):format(api.SENDER,
        program[2]:format(dir .. "/example" .. (program[3] or ""))))
      local out = pipe:read "a"
      assert(pipe:close(), out)
      assert.matches("receivers\"?'?:? *=?>? *1", out)
      assert.same({ id = 7 }, alice:expect("order.ready").data)
      server:stop()
      cli.cleanup()
    end)
  end

  it("has one for Go, too", function()
    assert.matches("/api/v1/send", example "go", 1, true)
  end)

  it("says how the keys are written", function()
    local config = assert(page:match "```lua\n(.-)```")
    local dir = cli.folder { ["perigee.cfg.lua"] = config }
    local status, out = cli.run({ "config", "--development" }, { dir = dir,
      env = { SHOP_KEY = api.SENDER, OPS_KEY = api.KEY } })
    assert.equal(0, status)
    assert.matches("ops:send+read+close+call+admin:(set, 39 bytes),shop:send:(set, 40 bytes)",
      out, 1, true)
    cli.cleanup()
  end)
end)
