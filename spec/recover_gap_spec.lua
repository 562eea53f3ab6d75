-- SPDX-License-Identifier: MIT
-- A worker that is held up for long is not sent everything. Its clients hear of
-- it all the same, or are told.
local follow = require "spec.support.follow"
local servers = require "spec.support.servers"

local start = servers {
  options = { workers = 2, ["limits.per_ip"] = 0, ["limits.per_user"] = 0,
    ["limits.messages_per_s"] = 0, ["limits.bytes_per_s"] = 0,
    ["limits.queues_mb"] = 2, -- 1 MiB of letters for each worker
    ["limits.socket_bytes"] = 0,
    ["limits.queue_bytes"] = 64 << 20,
    ["limits.stall_s"] = 0, ["script.burst_ms"] = 20000,
    ["heartbeat.interval_s"] = 3600 },
  scripts = {
    ["main.lua"] = [[
      local perigee = require "perigee"
      local store = perigee.store
      return {
        ["@rooms"] = {
          ["long"] = { history = { messages = 1000, bytes = 1 << 26 } },
          ["short"] = { history = { messages = 10 } },
        },
        where = function() return perigee.worker end,
        -- Holds up its worker until another one has said so much.
        block = function()
          store.set("blocked", true)
          repeat until not store.get "blocked"
        end,
        pour = function(_, data)
          while not store.get "blocked" do perigee.sleep(0.001) end
          local seq
          for _ = 1, data.times do
            local _, number = perigee.send_to_room(data.room,
              { type = "said", data = ("x"):rep(10000) })
            seq = number
          end
          store.set("blocked", nil)
          return seq
        end,
        say = function(_, room)
          local _, seq = perigee.send_to_room(room, { type = "said" })
          return seq
        end,
      }
    ]],
  },
}

describe("When its worker was held up, a member", function()
  local server, here, there
  lazy_setup(function() server = start() end)
  lazy_teardown(function() server:stop() end)

  before_each(function()
    here = server:connect { user = "here" }
    repeat
      there = server:connect { user = "there" }
    until there:request "where" ~= here:request "where"
  end)

  local function hold_up(room)
    there:send "block"
    return here:request("pour", { room = room, times = 300 })
  end

  local function on_worker_of(client)
    while true do
      local other = server:connect { user = "other" }
      if other:request "where" == client:request "where" then return other end
      other:close()
    end
  end

  it("hears everything, also if nothing is said afterwards", function()
    local members = {}
    for n = 1, 3 do
      members[n] = follow.join(on_worker_of(there), "long")
    end
    local last = hold_up "long"
    for _, member in ipairs(members) do member:read(last) end
    server:wait_log "is too far behind"
    assert.equal(last + 1, here:request("say", "long"))
    local late = follow.join(on_worker_of(there), "long", { last = 5 })
    assert.equal(5, #late.before)
    members[4] = late
    assert.equal(last + 2, here:request("say", "long"))
    assert.equal(last + 3, there:request("say", "long"))
    for _, member in ipairs(members) do member:read(last + 3) end
  end)

  it("is told what it has missed if that is lost", function()
    local member = follow.join(on_worker_of(there), "short")
    local last = hold_up "short"
    local seqs, told = {}, nil
    while not told do
      local text = assert(member.client:receive())
      told = text:find('"resync"', 1, true) and text
      seqs[#seqs + 1] = tonumber(text:match '"seq":(%d+)')
    end
    follow.are(1, #seqs - 1, { table.unpack(seqs, 1, #seqs - 1) })
    member.seq = seqs[#seqs]
    assert.is_true(member.seq <= last)
    assert.equal(last + 1, here:request("say", "short"))
    member:read(last + 1)
  end)
end)
