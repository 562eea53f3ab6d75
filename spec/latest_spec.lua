-- SPDX-License-Identifier: MIT
-- Rooms that hold a value for each key, and not a log: those who come late, and
-- those who are slow, get the newest ones.
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
      local function set(room, key, value)
        local _, seq = perigee.send_to_room(room,
          { type = "moved", data = { key = key, value = value } },
          { key = key })
        return seq
      end
      return {
        ["@rooms"] = { ["cursor:*"] = { latest = true, seconds = 600 } },
        set = function(_, data) return set(data.room, data.key, data.value) end,
        -- Much more than sockets take. Returns the number of the last one.
        pour = function(_, data)
          local pad, seq = ("x"):rep(50000)
          for n = 1, data.times do
            seq = set(data.room, "k" .. n % 3, pad .. n)
            if n % 10 == 0 then perigee.sleep(0.001) end
          end
          return seq
        end,
      }
    ]],
  },
}

describe("In a room with `latest`", function()
  local server, speaker
  lazy_setup(function() server = start() end)
  lazy_teardown(function() server:stop() end)
  before_each(function() speaker = server:connect { user = "speaker" } end)

  local function set(room, key, value)
    return speaker:request("set", { room = room, key = key, value = value })
  end

  -- What comes up to the answer to the join, as "number key=value".
  local function join(room, since)
    local client, seen = server:connect { user = "late" }, {}
    client:send("join", { room = room, since = since }, 1)
    while true do
      local message = json.decode((client:receive()))
      if message.id == 1 then return message.data, seen, client end
      table.insert(seen, ("%d %s=%s"):format(message.seq,
        tostring(message.data.key), message.data.value))
    end
  end

  it("who comes late gets the newest value of each key", function()
    set("cursor:1", "a", "old")
    set("cursor:1", "b", "only")
    set("cursor:1", nil, "no key")
    set("cursor:1", "a", "new")
    local reply, seen = join("cursor:1", { last = 10 })
    assert.same({ "2 b=only", "3 nil=no key", "4 a=new" }, seen)
    assert.is_true(reply.recovered)
    assert.equal(4, reply.seq)
  end)

  it("who comes back gets what has changed, and has missed nothing", function()
    local epoch = join("cursor:2").epoch
    for n = 1, 5 do set("cursor:2", "a", n) end
    set("cursor:2", "b", 6)
    local reply, seen = join("cursor:2", { epoch = epoch, seq = 1 })
    assert.same({ "5 a=5", "6 b=6" }, seen)
    assert.is_true(reply.recovered)
    reply, seen = join("cursor:2", { epoch = epoch, seq = 5 })
    assert.same({ "6 b=6" }, seen)
    assert.is_true(reply.recovered)
  end)

  it("who is slow is not closed, and then gets the newest of each key",
    function()
      local _, _, slow = join "cursor:3"
      local times = 600
      assert.equal(times,
        speaker:request("pour", { room = "cursor:3", times = times }))
      local newest, count, seq = {}, 0, 0
      repeat
        local message = json.decode((assert(slow:receive())))
        assert.is_true(message.seq > seq)
        seq, count = message.seq, count + 1
        newest[message.data.key] = tonumber(message.data.value:match "x(%d+)$")
      until seq == times
      assert.same({ k0 = times, k1 = times - 2, k2 = times - 1 }, newest)
      assert.is_true(count < times)
      assert.equal(times + 1, set("cursor:3", "k0", "live"))
      local message = json.decode((assert(slow:receive())))
      assert.equal(times + 1, message.seq)
      assert.equal("live", message.data.value)
    end)
end)
