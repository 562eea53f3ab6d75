-- SPDX-License-Identifier: MIT
-- A client with a session: it counts what it sends and receives, and goes on
-- over another connection when it has lost one.
local t = require "perigee.testing"

local sessions = {}

local Session = {}
Session.__index = Session

-- Messages that keep the connection itself going do not count.
local received_control = { auth_ok = true, auth_error = true, ping = true,
  pong = true, goodbye = true }
local sent_control = { auth = true, ping = true, pong = true }

-- From now on the session is on this connection.
local function take_over(self, client)
  local receive, send_text = client.receive, client.send_text
  self.client = client
  client.is_mute = self.is_mute
  function client.receive(...)
    local text, problem = receive(...)
    local kind = text and t.decode(text).type
    self.pings = self.pings + (kind == "ping" and 1 or 0)
    if kind and self.id and not received_control[kind] then
      self.received = self.received + 1
    end
    return text, problem
  end
  function client.send_text(...)
    local text = select(2, ...)
    local ok, message = pcall(t.decode, text)
    if not (ok and sent_control[message.type]) then
      self.sent = self.sent + 1
      self.kept[self.sent] = text
    end
    return send_text(...)
  end
end

-- Logs in on a new connection. `wish` is what auth says about the session.
local function login(self, wish)
  local client = self.connect and self.connect(self.server)
    or self.server:connect { auth = false }
  client.user = self.user
  local token = self.token
  if token == nil then token = self.server:token { sub = self.user } end
  client:send("auth", { token = token or nil, session = wish })
  return client
end

-- What was answered: a new session, or the old one.
local function take_answer(self, client)
  local info = client:expect("auth_ok").data
  client.info, self.info = info, info.session
  if not (info.session or {}).resumed then
    self.id, self.sent, self.received, self.kept = nil, 0, 0, {}
  end
  self.id = info.session and info.session.id
  return info
end

-- Connects a user who asks for a session. opts: `token` (false: the handshake
-- brings it), and `connect`, a function that makes a connection of its own kind
-- to the server.
function sessions.open(server, user, opts)
  local self = setmetatable({ server = server, user = user, sent = 0,
    received = 0, kept = {}, pings = 0 }, Session)
  for key, value in pairs(opts or {}) do
    self[key] = value
  end
  local client = login(self, {})
  take_answer(self, client)
  take_over(self, client)
  return self
end

-- Acknowledges what was received.
function Session:ack()
  self.client:send("pong", { received = self.received })
end

-- What the server has received of this client, as it says itself.
function Session:told()
  self.client:send "ping"
  return self.client:expect("pong").data.received
end

-- The connection is cut without a word.
function Session:cut()
  self.client:drop()
end

-- Asks for the session on a new connection; `received` and `id` are its own if
-- they are not given. Does not send again what the server has not received.
-- Returns the data of auth_ok.
function Session:ask(received, id)
  local old = self.client
  local inbox = old.inbox
  old.receive, old.send_text, old.inbox = nil, nil, {} -- not of the session
  local client = login(self, { id = id or self.id,
    received = received or self.received })
  local info = take_answer(self, client)
  client.inbox = info.session.resumed and inbox or client.inbox
  take_over(self, client)
  return info
end

-- Goes on: sends again what the server has not received.
function Session:resume()
  local info = self:ask()
  assert(info.session.resumed == true, "not resumed")
  for i = info.session.received + 1, self.sent do
    self.client.ws:send(self.kept[i], "text", t.timeout)
  end
  return info
end

-- The methods of its connection: send, expect, request and so on.
for _, name in ipairs { "send", "expect", "request", "try", "fails", "join",
  "leave", "sync", "expect_nothing", "expect_close", "close" } do
  Session[name] = function(self, ...)
    return self.client[name](self.client, ...)
  end
end

return sessions
