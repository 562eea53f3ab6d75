-- SPDX-License-Identifier: MIT
-- The test kit: several servers that serve as one.

local t = require "perigee.testing"

describe("t.cluster", function()
  it("starts servers that hear each other", function()
    local cluster = t.cluster(3, { scripts = { ["main.lua"] = [[
      local perigee = require "perigee"
      return { all = function(_, text) return perigee.broadcast { type = "all", data = text } end }
    ]] } })
    local ann, bob, cid = cluster[1]:connect "ann", cluster[2]:connect "bob",
      cluster[3]:connect "cid"
    ann:request("all", "hear")
    assert.equal("hear", bob:expect("all").data)
    assert.equal("hear", cid:expect("all").data)
    assert.matches("PONG", cluster.redis:command "PING")
    cluster:stop()
  end)
end)
