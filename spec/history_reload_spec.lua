-- SPDX-License-Identifier: MIT
-- Rooms that get a history by a reload, and lose it by one, with their members.
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    ["@rooms"] = %s,
    say = function(_, data)
      local _, seq = perigee.send_to_room(data.room,
        { type = "said", data = data.text })
      return seq or "no number"
    end,
    read = function(_, room)
      local page, code = perigee.history(room)
      return code or #page.messages
    end,
  }
]]

describe("A reload", function()
  local server, alice, bob

  local function declare(rooms)
    server:write("main.lua", SCRIPT:format(rooms))
    server:reload()
  end

  local function say(text)
    return alice:request("say", { room = "hall", text = text })
  end

  local function expect_both(text, seq)
    for _, client in ipairs { alice, bob } do
      local message = client:expect "said"
      assert.equal(text, message.data)
      assert.equal(seq, message.seq)
    end
  end

  before_each(function()
    server = t.server { scripts = { ["main.lua"] = SCRIPT:format "nil" } }
    alice = server:connect { user = "alice" }
    bob = server:connect { user = "bob" }
    alice:request("join", { room = "hall" })
    bob:request("join", { room = "hall" })
  end)

  after_each(function() server:stop() end)

  it("gives a room numbers, and takes them away", function()
    assert.equal("no number", say "one")
    expect_both "one"
    declare '{ ["h*"] = { history = { messages = 10 } } }'
    for seq, text in ipairs { "two", "three" } do
      assert.equal(seq, say(text))
      expect_both(text, seq)
    end
    assert.equal(2, alice:request("read", "hall"))
    declare '{ ["hal"] = { history = { messages = 10 } } }'
    assert.equal("no number", say "four")
    expect_both "four"
    assert.equal("NOT_FOUND", alice:request("read", "hall"))
  end)

  it("that fails leaves the rules as they are", function()
    declare '{ hall = { history = { messages = 10 } } }'
    assert.equal(1, say "one")
    expect_both("one", 1)
    server:write("main.lua", SCRIPT:format '{ hall = { history = {} } }')
    server:reload_fails()
    assert.equal(2, say "two")
    expect_both("two", 2)
  end)

  it("with the same rules goes on counting", function()
    declare '{ hall = { history = { messages = 10 } } }'
    for i = 1, 5 do
      assert.equal(i, say("m" .. i))
      expect_both("m" .. i, i)
      declare '{ hall = { history = { messages = 10 } }, other = {} }'
    end
    assert.equal(5, alice:request("read", "hall"))
  end)
end)
