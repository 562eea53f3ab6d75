-- SPDX-License-Identifier: MIT
-- The checker of bench/cuts, in short: connections are cut, and nothing may be
-- missing without a word. It must also see what it is there for. What it prints
-- has the seed.
local program = require "spec.support.program"

local function check(options)
  return program.run("node bench/cuts/main.mjs " .. options, 120)
end

describe("The checker", function()
  if not program.has_node() then
    pending "needs node 18"
    return
  end

  for _, options in ipairs {
    "--users=30 --round=4 --cuts=50 --mean=700",
    "--users=30 --round=4 --cuts=50 --mean=700 --workers=4 --harsh",
    "--users=15 --round=3 --cuts=20 --mean=700 --library",
  } do
    it("finds nothing missing: " .. options, function()
      local text, status = check(options)
      assert.equal(0, status, text)
      assert.truthy(text:find "%d+ accepted", text)
    end)
  end

  for lie, found in pairs {
    ["lose-down"] = "[1-9]%d* missing down",
    ["twice-up"] = "[1-9]%d* twice ",
  } do
    it("sees clients that err: " .. lie, function()
      local text, status = check("--users=10 --round=2 --cuts=1 --every=40 --lie="
        .. lie)
      assert.equal(1, status, text)
      assert.truthy(text:find(found), text)
    end)
  end
end)
