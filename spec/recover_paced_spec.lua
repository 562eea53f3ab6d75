-- SPDX-License-Identifier: MIT
-- Who has missed much gets it as fast as it takes it, and holds up nobody.
local follow = require "spec.support.follow"
local servers = require "spec.support.servers"

local TIMES, BYTES = 600, 50000 -- 30 MB: more than sockets take

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
          ["*"] = { history = { messages = 10000, bytes = 1 << 27 } },
        },
        fill = function(_, data)
          local message, seq = { type = "said", data = ("x"):rep(data.bytes) }
          for _ = 1, data.times do
            local _, number = perigee.send_to_room(data.room, message)
            seq = number
          end
          return seq
        end,
        ping_me = function() return "here" end,
      }
    ]],
  },
}

describe("A client that has missed much", function()
  local server, other
  lazy_setup(function() server = start() end)
  lazy_teardown(function() server:stop() end)
  before_each(function() other = server:connect { user = "other" } end)

  local function fill(room, times, bytes)
    return other:request("fill", { room = room, times = times, bytes = bytes })
  end

  it("gets it all, and others are answered meanwhile", function()
    assert.equal(TIMES, fill("big", TIMES, BYTES))
    local late = server:connect { user = "late" }
    late:send("join", { room = "big", since = { last = TIMES } }, "j")
    -- It reads nothing yet, and is sent no more than its socket takes.
    for _ = 1, 20 do assert.equal("here", other:request "ping_me") end
    local last = fill("big", 5, 10)
    local seqs, text = {}
    repeat
      text = assert(late:receive())
      seqs[#seqs + 1] = text:match '"room":"big"' and
        tonumber(text:match '"seq":(%d+)')
    until text:find('"id":"j"', 1, true)
    local seq = tonumber(text:match '"seq":(%d+)')
    assert.matches('"recovered":true', text, 1, true)
    follow.are(1, seq, seqs)
    while seq < last do
      text = assert(late:receive())
      assert.equal(seq + 1, tonumber(text:match '"seq":(%d+)'))
      seq = seq + 1
    end
    assert.equal("here", late:request "ping_me")
  end)

  it("may leave, or go, in the middle of it", function()
    fill("gone", TIMES, BYTES)
    for n = 1, 6 do
      local late = server:connect { user = "late" }
      late:send("join", { room = "gone", since = { last = TIMES } }, "j")
      late:send("leave", { room = "gone" }, "l")
      if n % 2 == 0 then
        late:drop()
      else
        local answers = {}
        repeat
          local id = assert(late:receive()):match '"id":"(%w)"'
          answers[id or ""] = true
        until answers.j and answers.l
        assert.equal("here", late:request "ping_me")
        late:close()
      end
    end
    assert.equal("here", other:request "ping_me")
  end)
end)
