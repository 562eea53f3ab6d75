-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"

describe("A direct message", function()
  it("reaches all devices of both users, but not the one it is from", function()
    local alice, phone = t.connect "alice", t.connect "alice"
    local bob, tablet = t.connect "bob", t.connect "bob"
    local answer = alice:request("direct.send", { to = "bob", text = "hi" })
    assert.equal(2, answer.devices)
    for _, client in ipairs { bob, tablet } do
      client:expect("direct.message", { from = "alice", text = "hi" })
    end
    phone:expect("direct.sent", { to = "bob", text = "hi" })
    alice:expect_nothing()
  end)

  it("says when nobody is there, or nothing is said", function()
    local alice = t.connect "alice"
    assert.equal("direct.offline",
      (alice:fails("direct.send", { to = "nobody", text = "hi" })))
    assert.equal("direct.bad_text",
      (alice:fails("direct.send", { to = "alice", text = " " })))
  end)
end)
