-- SPDX-License-Identifier: MIT
-- Members who have missed messages are told so, with `resync`: those that are
-- slow, in rooms where that is wanted, and all of them when a history is lost.
local follow = require "spec.support.follow"
local json = require "perigee.testing_json"
local servers = require "spec.support.servers"

local start = servers {
  options = { ["limits.per_ip"] = 0, ["limits.per_user"] = 0,
    ["limits.messages_per_s"] = 0, ["limits.bytes_per_s"] = 0,
    ["limits.stall_s"] = 0, ["script.burst_ms"] = 20000,
    ["heartbeat.interval_s"] = 3600 },
  scripts = {
    ["main.lua"] = [[
      local perigee = require "perigee"
      return {
        ["@rooms"] = {
          ["feed:*"] = { resync = true,
            history = { messages = 5000, bytes = 1 << 28 } },
          ["chat:*"] = { history = { messages = 100 } },
        },
        forget = function(_, room) perigee.forget(room) end,
        say = function(_, room)
          local _, seq = perigee.send_to_room(room, { type = "said" })
          return seq
        end,
        pour = function(_, data)
          local message, seq = { type = "said", data = ("x"):rep(50000) }
          for n = 1, data.times do
            local _, number = perigee.send_to_room(data.room, message)
            seq = number
            if n % 10 == 0 then perigee.sleep(0.001) end
          end
          return seq
        end,
      }
    ]],
  },
}

describe("A member is told that it has missed messages", function()
  local server, speaker
  lazy_setup(function() server = start() end)
  lazy_teardown(function() server:stop() end)
  before_each(function() speaker = server:connect { user = "speaker" } end)

  it("when it was slow, in a room with `resync`, and is not closed", function()
    local slow = server:connect { user = "slow" }
    local member = follow.join(slow, "feed:1")
    local times = 600
    assert.equal(times,
      speaker:request("pour", { room = "feed:1", times = times }))
    local message
    while true do
      message = json.decode((assert(slow:receive())))
      if message.type == "resync" then break end
      assert.equal(member.seq + 1, message.seq)
      member.seq = message.seq
    end
    assert.is_true(member.seq < times)
    assert.equal("feed:1", message.room)
    assert.same({ epoch = member.reply.epoch, seq = times }, message.data)
    assert.equal(times + 1, speaker:request("say", "feed:1"))
    assert.equal(times + 1, slow:expect("said").seq)
    local again = follow.join(slow, "feed:1", member:position())
    assert.is_true(again.reply.recovered)
    follow.are(member.seq + 1, times + 1, again.before)
    speaker:request("say", "feed:1")
    again:read(times + 2)
  end)

  it("when the history is forgotten, wherever it is", function()
    local members, before = {}, nil
    for n = 1, 6 do
      members[n] = follow.join(server:connect { user = "m" .. n }, "chat:1")
      before = members[n].reply.epoch
    end
    for _ = 1, 3 do speaker:request("say", "chat:1") end
    speaker:request("forget", "chat:1")
    local epoch
    for _, member in ipairs(members) do
      local told = member.client:expect "resync"
      assert.equal("chat:1", told.room)
      assert.equal(0, told.data.seq)
      epoch = epoch or told.data.epoch
      assert.equal(epoch, told.data.epoch)
    end
    assert.not_equal(before, epoch)
    assert.equal(1, speaker:request("say", "chat:1"))
    for _, member in ipairs(members) do
      for n = 1, 3 do
        assert.equal(n, member.client:expect("said").seq)
      end
      assert.equal(1, member.client:expect("said").seq)
    end
    local late = follow.join(server:connect { user = "late" }, "chat:1",
      { epoch = before, seq = 2 })
    assert.same({ epoch = epoch, seq = 1, recovered = false }, late.reply)
  end)
end)
