-- SPDX-License-Identifier: MIT
-- How `perigee fuzz` sends messages of clients: over WebSocket, each with an id.

local json = require "perigee.testing_json"
local values = require "perigee.fuzz_values"

local Messages = {}
Messages.__index = Messages

-- `asked` has server, values, words, and claims.
function Messages.new(asked)
  return setmetatable({ asked = asked, users = 0 }, Messages)
end

-- Every turn has a user of its own. The claims are those of --claim, for every
-- other one.
function Messages:open()
  local asked = self.asked
  self.users = self.users + 1
  local user = ("fuzz%d"):format(self.users)
  self.client = asked.server:connect(user,
    self.users % 2 == 1 and asked.claims or nil)
  for _, room in ipairs { "lobby", asked.values:pick(asked.words) } do
    self.client:try("join", { room = room })
  end
end

function Messages:close()
  self.client:drop()
end

-- Returns a message, whose `text` is what is sent.
function Messages.make(_, kind, data)
  local text = data == values.absent and ('{"type":"%s","id":1}'):format(kind)
    or ('{"type":"%s","id":1,"data":%s}'):format(kind, json.encode(data))
  if data == values.absent then
    data = nil
  end
  return { kind = kind, data = data, text = text }
end

-- Pushes are looked at by the server: see script.check_sent.
local function forget(client)
  for i = #client.inbox, 1, -1 do
    client.inbox[i] = nil
  end
end

-- Sends one message. Returns what its answer says: `code`, `text` and `ref` if
-- it is an error. Returns nil and the reason, if the connection is over.
function Messages:exchange(message)
  local ok, result, code, text, problem = pcall(self.client.try, self.client,
    message.kind, message.data)
  forget(self.client)
  if not ok then
    return nil, tostring(result)
  end
  return { code = code, text = text, ref = problem and problem.ref }
end

return Messages
