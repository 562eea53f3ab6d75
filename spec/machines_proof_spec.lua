-- SPDX-License-Identifier: MIT
-- The proof of bench/machines, in short: machines, Redis and the links between
-- them break, and nothing may be missing without a word. It must also see what
-- it is there for. What it prints has the seed.
local program = require "spec.support.program"

local function prove(options)
  return program.run("node bench/machines/faults.mjs --patience=3 " .. options, 400)
end

describe("The proof of several machines", function()
  if not program.has_node() then
    pending "needs node 18"
    return
  end

  for _, options in ipairs {
    "--faults=8 --round=8 --only=kill-machine,stop-machine,script-flush,kill-clients," ..
      "kill-subscribers",
  } do
    it("finds nothing missing: " .. options, function()
      local text, status = prove(options)
      assert.equal(0, status, text)
      assert.truthy(text:find "%d+ with numbers heard", text)
    end)
  end

  for lie, found in pairs { lose = "[1-9]%d* missing", twice = "[1-9]%d* twice" } do
    it("sees clients that err: " .. lie, function()
      local text, status = prove("--faults=3 --round=3 --only=script-flush --lie=" .. lie)
      assert.equal(1, status, text)
      assert.truthy(text:find(found), text)
    end)
  end
end)
