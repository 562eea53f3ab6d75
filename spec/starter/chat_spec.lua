-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"

describe("The chat", function()
  it("brings a line to everybody in the room", function()
    local alice, bob = t.connect "alice", t.connect "bob"
    local carol = t.connect "carol"
    alice:join "lobby"
    bob:join "lobby"
    local answer = alice:request("chat.send", { room = "lobby", text = " hi " })
    for _, client in ipairs { alice, bob } do
      local message = client:expect("chat.message")
      assert.equal("lobby", message.room)
      assert.same({ from = "alice", text = "hi", at = answer.at }, message.data)
    end
    carol:expect_nothing()
  end)

  it("tells who is there, and what was said", function()
    local alice = t.connect "alice"
    alice:join "kitchen"
    alice:request("chat.send", { room = "kitchen", text = "anybody?" })
    local bob = t.connect "bob"
    local here = bob:join("kitchen").presence
    assert.same({ "alice", "bob" }, { here[1].user, here[2].user })
    local kept = bob:request("history", { room = "kitchen" }).messages
    assert.equal("anybody?", kept[1].data.text)
    assert.is_nil(kept[2], "who came is not kept")
  end)

  it("keeps what was said in a room that everybody has left", function()
    local alice = t.connect "alice"
    alice:join "attic"
    alice:request("chat.send", { room = "attic", text = "bye" })
    alice:leave "attic"
    alice:join "attic"
    local kept = alice:request("history", { room = "attic" }).messages
    assert.equal("bye", kept[1].data.text)
  end)

  it("tells who comes and goes, but not of a second device", function()
    local alice, bob = t.connect "alice", t.connect "bob"
    local tablet = t.connect "bob"
    alice:join "hall"
    bob:join "hall"
    alice:expect "presence"
    assert.equal(1, alice:presence("hall").bob.devices)
    tablet:join "hall"
    bob:leave "hall"
    tablet:close()
    alice:expect("presence", { left = { "bob" } })
  end)

  it("is for those who have joined, and have something to say", function()
    local alice = t.connect "alice"
    assert.equal("chat.not_joined",
      (alice:fails("chat.send", { room = "lobby", text = "hi" })))
    alice:join "lobby"
    assert.equal("chat.bad_text",
      (alice:fails("chat.send", { room = "lobby", text = "  " })))
    alice:expect_nothing "chat.message"
  end)

  it("lets only members into the room vip", function()
    local alice = t.connect "alice"
    assert.equal("chat.members_only",
      (alice:fails("join", { room = "vip" })))
    t.connect("bob", { member = true }):join "vip"
  end)

  it("shows who types to the others", function()
    local alice, bob = t.connect "alice", t.connect "bob"
    alice:join "lobby"
    bob:join "lobby"
    alice:send("chat.typing", { room = "lobby" })
    bob:expect("chat.typing", { from = "alice" })
    alice:expect_nothing "chat.typing"
  end)
end)
