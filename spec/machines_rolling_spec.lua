-- SPDX-License-Identifier: MIT
-- Machines that are restarted one after the other, and a Redis whose place is
-- taken by another one, while messages flow: short forms of bench/machines.

local function runs(command)
  return os.execute(command .. " >/dev/null 2>&1")
end

-- Returns what it prints, and its exit status.
local function measure(options)
  local pipe = assert(io.popen(("timeout -k 5 300 node bench/machines/%s 2>&1"):format(options)))
  local text = pipe:read "a"
  local _, _, status = pipe:close()
  return text, status
end

describe("Messages that flow between machines", function()
  if not runs "node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'" then
    pending "needs node 18"
    return
  end

  it("are all there after a rolling restart", function()
    if not runs "test -d client/node_modules/ws" then
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
