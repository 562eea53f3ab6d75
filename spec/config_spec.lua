-- SPDX-License-Identifier: MIT
local cli = require "spec.support.cli"

local SECRET = "an example secret of more than 32 bytes"

describe("perigee config", function()
  after_each(cli.cleanup)

  -- The line that tells this option.
  local function line(out, option)
    for text in out:gmatch "[^\n]+" do
      if text:find(option, 1, true) then return text end
    end
    error(option .. " is not in\n" .. out)
  end

  it("shows values and where they came from; later wins", function()
    local folder = cli.folder {
      ["perigee.cfg.lua"] = [[
        heartbeat = { interval_s = 11 }
        limits = { per_user = 3, per_ip = 12 }
        auth = { issuer = env "SPEC_ISSUER" }
      ]],
    }
    local file = folder .. "/perigee.cfg.lua"
    local status, out, problem = cli.run(
      { "config", "--config=" .. file, "--limits.per_ip=14" },
      { env = { PERIGEE_LIMITS_PER_USER = "4", PERIGEE_LIMITS_PER_IP = "13",
        SPEC_ISSUER = "me" } })
    assert.equal(0, status, problem)
    assert.matches("25", line(out, "shutdown.drain_s"))
    assert.matches("default", line(out, "shutdown.drain_s"))
    assert.matches("11", line(out, "heartbeat.interval_s"))
    assert.matches("perigee.cfg.lua", line(out, "heartbeat.interval_s"),
      1, true)
    assert.matches("4", line(out, "limits.per_user"))
    assert.matches("PERIGEE_LIMITS_PER_USER", line(out, "limits.per_user"),
      1, true)
    assert.matches("14", line(out, "limits.per_ip"))
    assert.matches("me", line(out, "auth.issuer"))
  end)

  it("reads perigee.cfg.lua where it is run", function()
    local folder = cli.folder {
      ["perigee.cfg.lua"] = "limits = { per_ip = 77 }",
    }
    local _, out = cli.run({ "config" }, { dir = folder })
    assert.matches("77", line(out, "limits.per_ip"))
  end)

  it("never shows a secret", function()
    local status, out, problem = cli.run(
      { "config", "--auth.secret=" .. SECRET })
    assert.equal(0, status)
    line(out, "auth.secret")
    assert.is_nil((out .. problem):find("example secret", 1, true))
  end)

  for what, case in pairs {
    ["an unknown key"] = { "limits = { per_usr = 3 }",
      "limits.per_usr", "did you mean", "limits.per_user" },
    ["a value of the wrong kind"] = { "limits = { per_user = {} }",
      "limits.per_user" },
    ["a value out of range"] = { "limits = { per_user = -3 }",
      "limits.per_user" },
    ["a syntax error"] = { "limits = {\n  per_user = = 3\n}",
      "perigee.cfg.lua:2:" },
    ["a call of what is not there"] = { "\nos.execute 'true'",
      "perigee.cfg.lua:2:" },
  } do
    it("refuses a file with " .. what, function()
      local folder = cli.folder { ["perigee.cfg.lua"] = case[1] }
      local status, out, problem = cli.run {
        "config", "--config=" .. folder .. "/perigee.cfg.lua",
      }
      assert.not_equal(0, status)
      for i = 2, #case do
        assert.matches(case[i], out .. problem, 1, true)
      end
    end)
  end

  it("refuses a file that is not there, and a variable of no option", function()
    local status, _, problem = cli.run { "config", "--config=/nowhere.lua" }
    assert.not_equal(0, status)
    assert.matches("/nowhere.lua", problem, 1, true)
    status, _, problem = cli.run({ "config" },
      { env = { PERIGEE_LIMITS_PER_USR = "4" } })
    assert.not_equal(0, status)
    assert.matches("PERIGEE_LIMITS_PER_USR", problem, 1, true)
  end)
end)
