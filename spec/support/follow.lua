-- SPDX-License-Identifier: MIT
-- A member of a room with a history, as it follows the numbers of what it is
-- sent.
--
--   local member = follow.join(client, "chat:1", { last = 5 })
--   member.reply        the data of the answer
--   member.before       the numbers of the messages that came before it
--   member:read(57)     reads on to number 57; fails if one is left out
local assert = require "luassert"
local json = require "perigee.testing_json"
local t = require "perigee.testing"

local follow = {}

local Member = {}
Member.__index = Member

local function next_message(client)
  local text, problem = client:receive()
  assert(text, problem)
  local message = json.decode(text)
  if message.type == "ping" then
    client:send "pong"
    return next_message(client)
  end
  return message
end

-- Joins, and takes what comes up to the answer.
function follow.join(client, room, since)
  local id = "join " .. tostring({})
  local member = setmetatable({ client = client, room = room, before = {} },
    Member)
  client:send("join", { room = room, since = since }, id)
  while true do
    local message = next_message(client)
    if message.id == id then
      assert.equal("reply", message.type)
      member.reply, member.seq = message.data, message.data.seq
      return member
    elseif message.room == room then
      table.insert(member.before, message.seq)
    end
  end
end

-- Where it is, as the next join wants it.
function Member:position()
  return { epoch = self.reply.epoch, seq = self.seq }
end

-- Reads on to that number, and returns how many messages that were. None may be
-- left out, or come again.
function Member:read(seq)
  local count = 0
  while self.seq < seq do
    local message = next_message(self.client)
    if message.room == self.room then
      assert.equal(self.seq + 1, message.seq)
      self.seq, count = message.seq, count + 1
    end
  end
  return count
end

-- Leaves; what comes before the answer to that counts.
function Member:leave()
  local id = "leave " .. tostring({})
  self.client:send("leave", { room = self.room }, id)
  repeat
    local message = next_message(self.client)
    if message.room == self.room then
      assert.equal(self.seq + 1, message.seq)
      self.seq = message.seq
    end
  until message.id == id
end

-- Fails unless these are the numbers from one to the other.
function follow.are(first, last, numbers)
  local expected = {}
  for seq = first, last do expected[#expected + 1] = seq end
  assert.same(t.array(expected), t.array(numbers))
end

return follow
