-- SPDX-License-Identifier: MIT
-- A member of a room with history who goes from machine to machine, and checks
-- all that it hears: every number, once, in order, but what a resync or a join
-- without `recovered` says is gone; and that a place of the room, epoch and
-- number, is the same message for all.
--
--   local all = { seed = seed } -- they share it; what is wrong names the seed
--   local one = listener.new("m1", "chat:1", all)
--   one:come(servers)
--   if not one:hear() then one:come(servers) end
local t = require "perigee.testing"

local Listener = {}
Listener.__index = Listener

function Listener:note(message)
  if message.type == "resync" then
    self.epoch, self.seq = message.data.epoch, message.data.seq
    self.gaps = self.gaps + 1
  elseif message.type == "said" then
    local place = self.epoch .. ":" .. message.seq
    assert(message.seq == self.seq + 1, ("seed %s: %s was at %s, then heard %s"):format(
      self.all.seed, self.name, self.seq, message.seq))
    assert((self.all[place] or message.data) == message.data,
      ("seed %s: %s is two messages"):format(self.all.seed, place))
    self.all[place] = message.data
    self.seq, self.heard = message.seq, self.heard + 1
  end
end

-- Uses what has come. False: the connection is over.
function Listener:hear()
  local alive = pcall(self.client.sync, self.client)
  local inbox = self.client.inbox
  self.client.inbox = {}
  for _, message in ipairs(inbox) do self:note(message) end
  return alive
end

-- Joins at one of the machines, from where it was.
function Listener:come(servers)
  t.wait_until(function()
    local server = servers[math.random(#servers)]
    local ok, client = pcall(server.connect, server, { user = self.name })
    if not ok then return false end
    local since = self.epoch and { epoch = self.epoch, seq = self.seq } or nil
    local good, answer = pcall(client.try, client, "join", { room = self.room, since = since })
    if not good or not answer then
      client:drop()
      return false
    end
    if not answer.recovered then
      self.gaps = self.gaps + (self.epoch and 1 or 0)
      self.epoch, self.seq = answer.epoch, answer.seq
    end
    self.client = client
    return true
  end, 60)
end

local listener = {}

function listener.new(name, room, all)
  return setmetatable({ name = name, room = room, all = all, heard = 0, gaps = 0 }, Listener)
end

-- All of them use what has come, and come back if they have to.
function listener.hear(list, servers)
  for _, one in ipairs(list) do
    if not one:hear() then one:come(servers) end
  end
end

-- Until all are at the same place, while `talk()` says more. Returns how much
-- they have heard, and how many gaps they were told of.
function listener.agree(list, servers, talk)
  t.wait_until(function()
    local places = {}
    talk()
    listener.hear(list, servers)
    for _, one in ipairs(list) do places[one.epoch .. ":" .. one.seq] = true end
    return next(places, (next(places))) == nil
  end, 60)
  local heard, gaps = 0, 0
  for _, one in ipairs(list) do
    heard, gaps = heard + one.heard, gaps + one.gaps
  end
  return heard, gaps
end

return listener
