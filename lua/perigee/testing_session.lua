-- SPDX-License-Identifier: MIT
-- What a client of the test kit knows of its session: how many messages it has
-- sent and received, and those that it may have to send again. Both sides count
-- all messages but those that are about the connection itself.

local json = require "perigee.testing_json"

local uncounted = { auth = true, auth_ok = true, auth_error = true,
  ping = true, pong = true, goodbye = true }

local Session = {}
Session.__index = Session

-- A session as `auth_ok` has announced it.
function Session.new(announced)
  return setmetatable({ id = announced.id, keep_ms = announced.keep_ms,
    sent = 0, received = 0, acknowledged = 0, kept = {} }, Session)
end

-- What is no JSON counts, too: the server counts what it refuses.
local function is_counted(text)
  local ok, message = pcall(json.decode, text)
  return not (ok and type(message) == "table" and uncounted[message.type])
end

-- Is called with each text that the client sends.
function Session:note_sent(text)
  if is_counted(text) then
    self.sent = self.sent + 1
    self.kept[self.sent] = text
  end
end

-- The server has taken `count` messages of this client.
function Session:acknowledge(count)
  if count < self.acknowledged or count > self.sent then
    error(("the server has received %d messages, but %d of %d was its word")
      :format(count, self.acknowledged, self.sent))
  end
  for n = self.acknowledged + 1, count do
    self.kept[n] = nil
  end
  self.acknowledged = count
end

-- Is called with each message that the client receives.
function Session:note_received(message)
  if not uncounted[message.type] then
    self.received = self.received + 1
  elseif message.type == "ping" or message.type == "pong" then
    local data = message.data
    if type(data) == "table" and data.received then
      self:acknowledge(data.received)
    end
  end
end

-- The texts that the server has not taken, in order.
function Session:unacknowledged()
  return table.move(self.kept, self.acknowledged + 1, self.sent, 1, {})
end

return Session
