-- SPDX-License-Identifier: MIT
-- A client with a session that is lost while it is being sent what it has missed
-- in a room, or while the room goes on.
local servers = require "spec.support.servers"

local TIMES = 300

local start = servers {
  options = { ["limits.per_ip"] = 0, ["limits.per_user"] = 0,
    ["limits.messages_per_s"] = 0, ["limits.bytes_per_s"] = 0,
    ["session.replay_bytes"] = 1 << 20, ["script.burst_ms"] = 20000,
    ["heartbeat.interval_s"] = 3600 },
  scripts = {
    ["main.lua"] = [[
      local perigee = require "perigee"
      return {
        ["@rooms"] = {
          ["log:*"] = { history = { messages = 1000, bytes = 1 << 27 } },
          ["cursor"] = { latest = true, seconds = 60 },
        },
        say = function(_, data)
          local pad, seq = ("x"):rep(data.bytes)
          for n = 1, data.times do
            local _, number = perigee.send_to_room(data.room,
              { type = "said", data = pad .. n }, { key = "k" .. n % 3 })
            seq = number
          end
          return seq
        end,
        where = function() return perigee.worker end,
      }
    ]],
  },
}

describe("A client that is away", function()
  local server, speaker
  lazy_setup(function() server = start() end)
  lazy_teardown(function() server:stop() end)
  before_each(function() speaker = server:connect { user = "speaker" } end)

  local function say(room, times, bytes)
    return speaker:request("say", { room = room, times = times,
      bytes = bytes or 0 })
  end

  it("hears the rest of what it has missed when it is back", function()
    say("log:1", TIMES, 50000)
    local late = server:connect { user = "late", session = true }
    late:send("join", { room = "log:1", since = { last = TIMES } }, "j")
    for seq = 1, 5 do assert.equal(seq, late:expect("said").seq) end
    late:cut()
    local last = say("log:1", 10)
    assert.is_true(late:resume().session.resumed)
    for seq = 6, TIMES do assert.equal(seq, late:expect("said").seq) end
    local reply = late:expect "reply"
    assert.is_true(reply.data.recovered)
    for seq = TIMES + 1, last do
      assert.equal(seq, late:expect("said").seq)
    end
    late:expect_nothing()
  end)

  it("gets the newest of each key when it is back", function()
    local late = server:connect { user = "roamer", session = true }
    late:join "cursor"
    late:cut()
    server:wait_log "user=roamer is away"
    say("cursor", 90)
    assert.is_true(late:resume().session.resumed)
    for seq = 88, 90 do assert.equal(seq, late:expect("said").seq) end
    say("cursor", 1)
    assert.equal(91, late:expect("said").seq)
    late:expect_nothing()
  end)
end)
