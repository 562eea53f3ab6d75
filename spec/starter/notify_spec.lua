-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"

describe("A notice", function()
  it("goes from an admin to everybody", function()
    local ops, bob = t.connect("ops", { admin = true }), t.connect "bob"
    assert.same({ reached = 2 }, ops:request("notify.all", { text = "soon" }))
    ops:expect("notify", { text = "soon" })
    bob:expect("notify", { text = "soon" })
  end)

  it("does not come from others", function()
    local alice, bob = t.connect "alice", t.connect "bob"
    assert.equal("notify.not_allowed",
      (alice:fails("notify.all", { text = "soon" })))
    bob:expect_nothing()
  end)
end)
