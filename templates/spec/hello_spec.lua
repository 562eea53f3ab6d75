-- Run it with `perigee test`: it starts a server on scripts/, and these are
-- its clients.

local t = require "perigee.testing"

describe("hello", function()
  it("reaches everybody", function()
    local alice, bob = t.connect "alice", t.connect "bob"
    assert.same({ reached = 2 }, alice:request("hello.say", { text = "hi" }))
    assert.same({ from = "alice", text = "hi" },
      bob:expect("hello.said").data)
  end)

  it("is told to the backend", function()
    local alice = t.connect "alice"
    alice:request("hello.say", { text = "hi" })
    local said = t.events("hello.said")[1]
    assert.equal("alice", said.user)
    assert.same({ text = "hi" }, said.data)
  end)

  it("needs words", function()
    local alice, bob = t.connect "alice", t.connect "bob"
    assert.equal("hello.no_text", (alice:fails("hello.say", { text = "" })))
    bob:expect_nothing "hello.said"
  end)

  it("tells over HTTP how many are there", function()
    t.connect("alice"):expect "joined"
    assert.same({ here = 1 }, t.http { path = "/hello" }.data)
  end)
end)
