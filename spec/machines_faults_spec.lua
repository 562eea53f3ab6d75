-- SPDX-License-Identifier: MIT
-- Several machines and a Redis, all of which break. Whatever happens, each
-- member of a room has every message, once and in the one order, or is told that
-- something is missing. PERIGEE_FAULTS is how many there are, PERIGEE_SEED which.

local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

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

local function sleep(seconds) os.execute("sleep " .. seconds) end

-- What one client has heard.
local Member = {}
Member.__index = Member

function Member:note(message)
  if message.type == "resync" then
    self.epoch, self.seq = message.data.epoch, message.data.seq
    self.resyncs = self.resyncs + 1
  elseif message.type == "said" then
    assert(message.seq == self.seq + 1, ("seed %d: %s has heard %s, then %s"):format(
      SEED, self.name, self.seq, message.seq))
    self.seq, self.heard = message.seq, self.heard + 1
    local place = self.epoch .. ":" .. message.seq
    local before = self.all[place]
    assert(not before or before == message.data, ("seed %d: %s is %s and %s"):format(
      SEED, place, before, message.data))
    self.all[place] = message.data
  end
end

-- Uses what has come. False: the connection is over.
function Member:hear()
  local alive = pcall(self.client.sync, self.client)
  local inbox = self.client.inbox
  self.client.inbox = {}
  for _, message in ipairs(inbox) do self:note(message) end
  return alive
end

-- Joins at a machine that lives, from where it was.
function Member:come(servers)
  t.wait_until(function()
    local server = servers[math.random(#servers)]
    local ok, client = pcall(server.connect, server, { user = self.name })
    if not ok then return false end
    local since = self.epoch and { epoch = self.epoch, seq = self.seq } or nil
    local good, answer = pcall(client.try, client, "join", { room = ROOM, since = since })
    if not good or not answer then
      client:drop()
      return false
    end
    self.client = client
    if not answer.recovered then
      self.epoch, self.seq = answer.epoch, answer.seq
      self.losses = self.losses + 1
    end
    return true
  end, math.max(t.timeout, 30))
end

describe("machines that break", function()
  it("lose nothing without a word", function()
    math.randomseed(SEED)
    local redis = redis_server { appendonly = "yes", appendfsync = "always" }
    local start = machines_on(redis, { scripts = { ["main.lua"] = script },
      options = { ["redis.probe_s"] = 0.2, ["node.lease_s"] = 1,
        ["limits.messages_per_s"] = 0, ["limits.per_user"] = 0 } })
    local servers, members, all, said = {}, {}, {}, 0
    for i = 1, 3 do servers[i] = start() end
    for i = 1, 6 do
      members[i] = setmetatable({ name = "m" .. i, all = all, heard = 0, resyncs = 0,
        losses = 0 }, Member)
      members[i]:come(servers)
    end

    local faults = {
      function() redis:command "CLIENT KILL TYPE pubsub" end,
      function() redis:command "CLIENT KILL TYPE normal" end,
      function()
        redis:signal "STOP"
        sleep(0.1 * math.random(8))
        redis:signal "CONT"
      end,
      function()
        redis:kill()
        redis:start()
      end,
      function() redis:command "FLUSHALL" end,
      function() redis:command "SCRIPT FLUSH" end,
      function()
        local server = servers[math.random(3)]
        server:signal "STOP"
        sleep(0.2 * math.random(8))
        server:signal "CONT"
      end,
      function()
        local i = math.random(3)
        servers[i]:signal "KILL"
        servers[i]:stop(false)
        servers[i] = start()
      end,
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
      faults[math.random(#faults)]()
      talk(math.random(20))
      for _, member in ipairs(members) do
        if not member:hear() then member:come(servers) end
      end
    end

    -- In the end all have the same.
    t.wait_until(function()
      local places = {}
      talk(1)
      for _, member in ipairs(members) do
        if not member:hear() then member:come(servers) end
        places[member.epoch .. ":" .. member.seq] = true
      end
      local first = next(places)
      return next(places, first) == nil
    end, math.max(t.timeout, 30))
    local heard, resyncs, losses = 0, 0, 0
    for _, member in ipairs(members) do
      heard, resyncs = heard + member.heard, resyncs + member.resyncs
      losses = losses + member.losses
    end
    print(("seed %d: %d faults, %d said, %d heard, %d resyncs, %d joins without what was before")
      :format(SEED, FAULTS, said, heard, resyncs, losses))
    for _, server in ipairs(servers) do server:stop() end
    redis:stop()
  end)
end)
