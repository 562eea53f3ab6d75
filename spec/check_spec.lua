-- SPDX-License-Identifier: MIT
local cli = require "spec.support.cli"

describe("perigee check", function()
  after_each(cli.cleanup)

  local function check(files)
    return cli.run { "check", cli.folder(files) }
  end

  it("is content with good scripts", function()
    local status, _, problem = check {
      ["main.lua"] = [[
        local perigee = require "perigee"
        local lib = require "lib.names"
        return { [lib.echo] = function(_, data) return data end,
          ["@connect"] = function(client) client:join "lobby" end }
      ]],
      ["lib/names.lua"] = "return { echo = 'echo' }",
    }
    assert.equal(0, status, problem)
  end)

  it("is content with a folder of no scripts", function()
    assert.equal(0, (check { ["notes.txt"] = "no script" }))
  end)

  it("does not start anything", function()
    local status, out, problem = check {
      ["main.lua"] = [[
        return { ["@start"] = function() error "started" end }
      ]],
    }
    assert.equal(0, status)
    assert.is_nil((out .. problem):find "started")
    assert.is_nil((out .. problem):find "ready on")
  end)

  it("needs no key", function()
    local folder = cli.folder { ["main.lua"] = "return {}" }
    local status = cli.run({ "check", folder },
      { env = { PERIGEE_AUTH_SECRET = "" } })
    assert.equal(0, status)
  end)

  for what, case in pairs {
    ["a syntax error"] = { "return {\n  x = = 1\n}", "main.lua:2:" },
    ["an error on loading"] = { "\n\nerror 'oops'", "main.lua:3: oops" },
    ["a missing module"] = { "\nrequire 'nothing.here'",
      "main.lua:2:", "nothing.here" },
    ["a reserved type"] = { "return { auth = function() end }",
      "main.lua", "auth" },
    ["an unknown hook"] = { "return { ['@leaf'] = function() end }",
      "main.lua", "@leaf" },
    ["a handler that is a number"] = { "return { x = 1 }", "main.lua", "x" },
    ["a key that is a number"] = { "return { function() end }", "main.lua" },
    ["an accidental global"] = { "x = 1 return {}", "main.lua:1:", "x" },
  } do
    it("finds " .. what, function()
      local status, out, problem = check { ["main.lua"] = case[1] }
      assert.equal(1, status)
      for i = 2, #case do
        assert.matches(case[i], out .. problem, 1, true)
      end
    end)
  end

  it("names both files of a type that comes twice", function()
    local script = "return { twice = function() end }"
    local status, out, problem = check {
      ["a.lua"] = script, ["b.lua"] = script,
    }
    assert.equal(1, status)
    for _, word in ipairs { "a.lua", "b.lua", "twice" } do
      assert.matches(word, out .. problem, 1, true)
    end
  end)

  it("says which folder is not there", function()
    local status, out, problem = cli.run { "check", "/nowhere/scripts" }
    assert.equal(1, status)
    assert.matches("/nowhere/scripts", out .. problem, 1, true)
  end)
end)
