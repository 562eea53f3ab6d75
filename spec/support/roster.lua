-- SPDX-License-Identifier: MIT
-- What a client knows of who is in a room: the list that it got when it joined,
-- and every message since then.
local assert = require "luassert"
local t = require "perigee.testing"

local roster = {}
roster.__index = roster

-- The client joins the room; `reply` is what it was answered.
function roster.join(client, room)
  local reply = client:join(room)
  local self = setmetatable({ client = client, room = room, reply = reply,
    users = {}, messages = 0 }, roster)
  for _, entry in ipairs(reply.presence) do
    self.users[entry.user] = entry
  end
  return self
end

-- Takes the next message about the room.
function roster:take()
  local message = self.client:expect "presence"
  assert.equal(self.room, message.room)
  for _, kind in ipairs { "joined", "changed" } do
    for _, entry in ipairs(message.data[kind]) do
      self.users[entry.user] = entry
    end
  end
  for _, user in ipairs(message.data.left) do
    self.users[user] = nil
  end
  self.messages = self.messages + 1
  return message.data
end

-- Users with the number of their devices.
function roster:devices()
  local devices = {}
  for user, entry in pairs(self.users) do
    devices[user] = entry.devices
  end
  return devices
end

local function same(a, b)
  for key, value in pairs(a) do
    if b[key] ~= value then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- Takes messages until these are there: { alice = 2, bob = 1 }.
function roster:wait(expected)
  t.wait_until(function()
    if same(self:devices(), expected) then
      return true
    end
    self:take()
  end)
  return self
end

return roster
