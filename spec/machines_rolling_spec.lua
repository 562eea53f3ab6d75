-- SPDX-License-Identifier: MIT
-- Machines that are restarted one after the other, and a Redis whose place is
-- taken by another one, while messages flow: short forms of bench/machines.

local program = require "spec.support.program"

local function measure(options)
  return program.run("node bench/machines/" .. options, 300)
end

describe("Messages that flow between machines", function()
  if not program.has_node() then
    pending "needs node 18"
    return
  end

  it("are all there after a rolling restart", function()
    if not os.execute "test -d client/node_modules/ws" then
      pending "needs npm ci in client/"
      return
    end
    local text, status = measure "rolling.mjs --users=12 --rate=30 --notice=0.3 --drain=1"
    assert.equal(0, status, text)
    assert.matches("problems  none", text)
  end)

  it("are there, or told to be missing, when a master dies", function()
    local text, status = measure "failover.mjs --rounds=1 --users=6 --rate=50 --down=1000"
    assert.equal(0, status, text)
    assert.matches("without       0", text)
  end)
end)
