-- SPDX-License-Identifier: MIT
-- The rate and the timeout that a handler declares.
local t = require "perigee.testing"

describe("The rate of a handler", function()
  local server
  local script = [[
    local calls = 0
    return {
      vote = { rate = "3/h", burst = 2, handler = function(_, data)
        calls = calls + 1
        return data
      end },
      single = { rate = "0.5/m", handler = function() return "ok" end },
      checked = { rate = "1/h", schema = "string",
        handler = function() return "ok" end },
      quick = { rate = "100/s", burst = 1, handler = function() return 1 end },
      calls = function() return calls end,
    }
  ]]

  before_each(function()
    server = t.server { scripts = { ["main.lua"] = script } }
  end)

  after_each(function() server:stop() end)

  it("lets its burst through, then says when to come again", function()
    local alice = server:connect { user = "alice" }
    assert.equal(1, alice:request("vote", 1))
    assert.equal(2, alice:request("vote", 2))
    local _, code, _, problem = alice:try("vote", 3)
    assert.equal("RATE_LIMITED", code)
    assert.is_true(problem.retry)
    assert.equal("integer", math.type(problem.retry_after_ms))
    assert.is_true(problem.retry_after_ms > 0)
    assert.is_true(problem.retry_after_ms <= 1200000)
    assert.is_string(problem.type) -- whose rate it is
    assert.equal(2, alice:request "calls")
  end)

  it("is that of a user, with whatever device", function()
    local phone = server:connect { user = "alice" }
    local laptop = server:connect { user = "alice" }
    local bob = server:connect { user = "bob" }
    assert.equal(1, phone:request("vote", 1))
    assert.equal(2, laptop:request("vote", 2))
    for _, device in ipairs { phone, laptop } do
      local _, code = device:try("vote", 3)
      assert.equal("RATE_LIMITED", code)
    end
    assert.equal(4, bob:request("vote", 4))
  end)

  it("is that of one handler", function()
    local alice = server:connect { user = "alice" }
    assert.equal("ok", alice:request "single")
    local _, code = alice:try "single"
    assert.equal("RATE_LIMITED", code)
    assert.equal(1, alice:request("vote", 1))
  end)

  it("is not renewed by a reconnect or a reload", function()
    local alice = server:connect { user = "alice" }
    assert.equal(1, alice:request("vote", 1))
    assert.equal(2, alice:request("vote", 2))
    alice:close()
    server:wait_log "user=alice closed"
    assert.matches("is live", server:reload())
    alice = server:connect { user = "alice" }
    local _, code = alice:try("vote", 3)
    assert.equal("RATE_LIMITED", code)
  end)

  it("comes before the schema, and counts what does not fit", function()
    local alice = server:connect { user = "alice" }
    local _, code = alice:try("checked", 5)
    assert.equal("BAD_REQUEST", code)
    _, code = alice:try("checked", 5)
    assert.equal("RATE_LIMITED", code)
  end)

  it("lets through again what has waited", function()
    local alice = server:connect { user = "alice" }
    assert.equal(1, alice:request "quick")
    t.wait_until(function() return alice:try "quick" end)
  end)

  it("is told without an id as well, but not each time", function()
    local alice = server:connect { user = "alice" }
    for i = 1, 50 do
      alice:send("vote", i)
    end
    assert.equal(2, alice:request "calls")
    for _, message in ipairs(alice.inbox) do
      assert.equal("RATE_LIMITED", message.data.code)
      assert.is_nil(message.id)
    end
    assert.is_true(#alice.inbox >= 1 and #alice.inbox < 25)
  end)
end)

describe("The timeout of a handler", function()
  it("ends a call that waits for longer", function()
    local server = t.server { scripts = { ["main.lua"] = [[
      local perigee = require "perigee"
      return {
        slow = { timeout = 0.05, handler = function()
          perigee.sleep(3600)
        end },
        quick = { timeout = 3600, handler = function()
          perigee.sleep(0.001)
          return "done"
        end },
      }
    ]] } }
    local alice = server:connect { user = "alice" }
    local _, code, _, problem = alice:try "slow"
    assert.equal("HANDLER_TIMEOUT", code)
    assert.is_string(problem.ref)
    assert.equal("done", alice:request "quick")
  end)
end)

describe("The typing message of the starter chat", function()
  it("tells the others in the room, and nobody about a mistake", function()
    local server = t.server { scripts = "scripts" }
    local alice = server:connect { user = "alice" }
    local bob = server:connect { user = "bob" }
    alice:request("join", { room = "lobby" })
    bob:request("join", { room = "lobby" })
    for _, client in ipairs { alice, bob } do
      repeat -- both are told of bob, and perhaps of alice before
        local joined = client:expect("presence").data.joined
      until #joined > 0 and joined[#joined].user == "bob"
    end
    alice:send("chat.typing", { room = 5 })
    alice:send "chat.typing"
    alice:send("chat.typing", { room = "elsewhere" })
    alice:expect_nothing()
    bob:expect_nothing()
    alice:send("chat.typing", { room = "lobby" })
    assert.same({ from = "alice" }, bob:expect("chat.typing").data)
    local _, code, text = alice:try "chat.typing"
    assert.equal("BAD_REQUEST", code)
    assert.equal("data: expected object", text)
  end)
end)
