-- SPDX-License-Identifier: MIT
-- Several machines and a Redis, all of which break. Whatever happens, each
-- member of a room has every message, once and in the one order, or is told that
-- something is missing. PERIGEE_FAULTS is how many there are, PERIGEE_SEED which.

local faults = require "spec.support.faults"
local listener = require "spec.support.listener"
local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local FAULTS = tonumber(os.getenv "PERIGEE_FAULTS") or 20
local SEED = tonumber(os.getenv "PERIGEE_SEED") or os.time()
local ROOM = "chat:1"

local script = [[
local perigee = require "perigee"
return {
  ["@rooms"] = { ["chat:*"] = { history = { messages = 500, seconds = 600 } } },
  say = function(_, data)
    return perigee.send_to_room("chat:1", { type = "said", data = data.text },
      { id = data.text })
  end,
}
]]

describe("machines that break", function()
  it("lose nothing without a word", function()
    math.randomseed(SEED)
    local redis = redis_server { appendonly = "yes", appendfsync = "always" }
    local start = machines_on(redis, { scripts = { ["main.lua"] = script },
      options = { ["redis.probe_s"] = 0.2, ["node.lease_s"] = 1,
        ["limits.messages_per_s"] = 0, ["limits.per_user"] = 0 } })
    local servers, members, all, said = {}, {}, { seed = SEED }, 0
    for i = 1, 3 do servers[i] = start() end
    for i = 1, 6 do
      members[i] = listener.new("m" .. i, ROOM, all)
      members[i]:come(servers)
    end

    local breaks = {
      faults.command(redis, "CLIENT KILL TYPE pubsub"),
      faults.command(redis, "CLIENT KILL TYPE normal"),
      faults.command(redis, "FLUSHALL"),
      faults.command(redis, "SCRIPT FLUSH"),
      faults.pause({ redis }, 0.1, 8),
      faults.restart(redis),
      faults.pause(servers, 0.2, 8),
      faults.replace(servers, start),
    }

    local function talk(count)
      for _ = 1, count do
        local member = members[math.random(#members)]
        said = said + 1
        pcall(member.client.send, member.client, "say", { text = tostring(said) })
      end
    end

    for _ = 1, FAULTS do
      talk(math.random(20))
      breaks[math.random(#breaks)]()
      talk(math.random(20))
      listener.hear(members, servers)
    end

    local heard, gaps = listener.agree(members, servers, function() talk(1) end)
    print(("seed %d: %d faults, %d said, %d heard, %d gaps that were told"):format(
      SEED, FAULTS, said, heard, gaps))
    for _, server in ipairs(servers) do server:stop() end
    redis:stop()
  end)
end)
