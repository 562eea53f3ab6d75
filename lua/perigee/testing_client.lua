-- SPDX-License-Identifier: MIT
-- A client of the test kit: one WebSocket connection, whose use reads as a
-- conversation. `server:connect` of perigee.testing makes it.
--
-- Every wait ends when what it waits for has come. After `client.timeout`
-- seconds it fails, and tells everything that was received instead.

local json = require "perigee.testing_json" -- first: it finds the others
local Session = require "perigee.testing_session"
local socket = require "perigee.testing_socket"
local cqueues = require "cqueues"

local decode, encode, show = json.decode, json.encode, json.show

-- Seconds; a machine that is slow, or busy, may need more.
local Client = { timeout = tonumber(os.getenv "PERIGEE_TEST_TIMEOUT") or 10 }
Client.__index = Client

-- Connects to a ws:// or wss:// address; `context` is that of TLS. Returns nil
-- and the reason, if it is refused.
function Client.new(url, headers, context)
  local target = { url = url, headers = headers, context = context }
  local ws, problem = socket.open(target, Client.timeout)
  if not ws then
    return nil, problem
  end
  local inbox = setmetatable({}, { __jsontype = "array" })
  return setmetatable({ ws = ws, inbox = inbox, next_id = 1, target = target,
    half_open = {}, positions = {}, present = {} }, Client)
end

function Client:send_text(raw)
  if self.session then
    self.session:note_sent(raw)
  end
  return self.ws:send(raw, "text", self.timeout)
end

-- Sends a message. If the connection is over, that raises in the function
-- `level` above the caller.
local function send(self, level, kind, data, id)
  local fields = { ["type"] = encode(kind, level + 1, "type"),
    data = data ~= nil and encode(data, level + 1, "data") or nil,
    id = id and encode(id, level + 1, "id") }
  local parts = {}
  for _, key in ipairs { "type", "id", "data" } do
    parts[#parts + 1] = fields[key] and ('"%s":%s'):format(key, fields[key])
  end
  local ok, problem = self:send_text("{" .. table.concat(parts, ",") .. "}")
  if not ok then
    error(("%s cannot send %s: %s (code %s)"):format(self.user or "client",
      kind, problem, tostring(self.ws.got_close_code)), level + 2)
  end
end

function Client:send(kind, data, id)
  send(self, 1, kind, data, id)
end

-- Brings what is known of who is in a room up to date.
local function note_presence(self, room, change)
  local users = self.present[room] or {}
  self.present[room] = change.count and { count = change.count } or users
  for _, key in ipairs { "joined", "changed" } do
    for _, entry in ipairs(change[key] or {}) do
      users[entry.user] = entry
    end
  end
  for _, user in ipairs(change.left or {}) do
    users[user] = nil
  end
end

-- Sees each message that is received, before anything else does.
local function note(self, text)
  if not (self.session or text:find('"seq"', 1, true)
    or text:find('"presence"', 1, true)) then
    return -- most are not decoded twice
  end
  local ok, message = pcall(decode, text)
  if not ok or type(message) ~= "table" then
    return
  elseif self.session then
    self.session:note_received(message)
  end
  if message.type == "presence" and message.room then
    note_presence(self, message.room, message.data)
  elseif message.seq and self.positions[message.room] then
    self.positions[message.room].seq = message.seq
  end
end

-- Returns the next message as text; or nil, and the reason: "timeout" or
-- "closed".
function Client:receive(timeout)
  local text, problem = self.ws:receive(timeout or self.timeout)
  if text then
    note(self, text)
    return text
  elseif self.ws.readyState < 3 and tostring(problem):find "timed out" then
    self.ws.socket:clearerr()
    return nil, "timeout"
  end
  return nil, "closed"
end

-- Answers a ping; with a session it says what has been received.
function Client:acknowledge()
  local session = self.session
  self:send_text(session
    and ('{"type":"pong","data":{"received":%d}}'):format(session.received)
    or '{"type":"pong"}')
end

-- Takes the first message that `wanted` accepts, of those that were received or
-- are to come. Others wait in the inbox. Pings of the server are answered,
-- unless `self.is_mute`. A failure is raised in the function `level` (1) above
-- the caller.
local function take(self, what, wanted, timeout, level)
  for i, message in ipairs(self.inbox) do
    if wanted(message) then
      return table.remove(self.inbox, i)
    end
  end
  local deadline = cqueues.monotime() + (timeout or self.timeout)
  while true do
    local text, problem = self:receive(deadline - cqueues.monotime())
    local message = text and decode(text)
    if not message then
      error(("%s waits for %s: %s (code %s); received instead: %s"):format(
        self.user or "client", what, problem,
        tostring(self.ws.got_close_code), show(self.inbox)), (level or 1) + 2)
    elseif wanted(message) then
      return message
    elseif message.type ~= "ping" then
      table.insert(self.inbox, message)
    elseif not self.is_mute then
      self:acknowledge()
    end
  end
end

-- Whether `value` has everything that `part` has.
local function covers(value, part)
  if type(part) ~= "table" or type(value) ~= "table" then
    return value == part
  end
  for key, item in pairs(part) do
    if not covers(value[key], item) then
      return false
    end
  end
  return true
end

-- Returns the first message of this type, whose data has all that `part` has,
-- if that is given. If none comes it fails, and tells what was received
-- instead.
function Client:expect(kind, part, timeout)
  if type(part) == "number" then
    part, timeout = nil, part
  end
  local what = part and ("%s with %s"):format(kind, show(part)) or kind
  return (take(self, what, function(message)
    return message.type == kind and (not part or covers(message.data, part))
  end, timeout))
end

-- Sends a message with an id, and waits for the answer.
local function ask(self, level, kind, data, id)
  id = id or self.next_id
  self.next_id = self.next_id + 1
  send(self, level + 1, kind, data, id)
  return (take(self, "the answer to " .. kind, function(message)
    return message.id == id
  end, nil, level + 1))
end

-- Sends a message. Returns the data of the reply; or nil, code, text, and all
-- data of the error.
function Client:try(kind, data, id)
  local answer = ask(self, 1, kind, data, id)
  if answer.type == "error" then
    local problem = answer.data
    return nil, problem.code, problem.message, problem
  end
  return answer.data
end

-- Fails, `level` above the caller, if the answer is an error.
local function wanted_reply(self, level, kind, answer)
  if answer.type == "error" then
    error(("%s was refused %s: %s"):format(self.user or "client", kind,
      show(answer.data)), level + 2)
  end
  return answer.data
end

-- Sends a message. Returns the data of the reply; fails if it is an error.
function Client:request(kind, data, id)
  return (wanted_reply(self, 1, kind, ask(self, 1, kind, data, id)))
end

-- Sends a message that must be answered by an error. Returns its code, its text
-- and all of its data; fails if the answer is no error.
function Client:fails(kind, data)
  local answer = ask(self, 1, kind, data)
  if answer.type ~= "error" then
    error(("%s should have failed, but was answered %s"):format(kind,
      show(answer.data)), 2)
  end
  return answer.data.code, answer.data.message, answer.data
end

-- Takes what the answer to a join says about the room. Messages of the room may
-- have come before it, and those that were missed may still be to come.
local function note_join(self, room, reply)
  local position = self.positions[room]
  position.epoch = reply.epoch
  if reply.seq and not reply.recovered then -- else it has no numbers
    position.seq = math.max(position.seq or 0, reply.seq)
  end
  if reply.presence then
    note_presence(self, room, { joined = reply.presence,
      count = reply.presence.count })
  end
end

-- Joins a room. Returns the data of the reply; fails if it is refused. With
-- `{ since = client:position(room) }` what was missed comes first.
function Client:join(room, data)
  local fields = { room = room }
  for name, value in pairs(data or {}) do
    fields[name] = value
  end
  local since = fields.since or {}
  self.positions[room] = { epoch = since.epoch, seq = since.seq }
  self.present[room] = nil
  local reply = wanted_reply(self, 1, "join", ask(self, 1, "join", fields))
  if type(reply) == "table" and (reply.epoch or reply.presence) then
    note_join(self, room, reply)
  end
  return reply
end

-- The position of the newest message of a room that was received, as `since`
-- of a join wants it. Messages that wait in the inbox are received. Nil in a
-- room without history.
function Client:position(room)
  local position = self.positions[room]
  return position and position.epoch
    and { epoch = position.epoch, seq = position.seq } or nil
end

-- Who is in a room, as far as the server has said: entries by user; or the
-- count, as { count = N }.
function Client:presence(room)
  return self.present[room] or {}
end

-- Leaves a room; fails if that is refused.
function Client:leave(room)
  return (wanted_reply(self, 1, "leave", ask(self, 1, "leave", { room = room })))
end

-- Sends a ping, and waits for the pong: whatever the server has sent before
-- that has been received then.
function Client:sync()
  self:send "ping"
  self:expect "pong"
end

-- Waits until all that the clients of this server have sent has arrived. Then
-- fails, if anything (of this type) was received that no `expect` has taken.
function Client:expect_nothing(kind)
  for _, peer in pairs(self.peers or {}) do
    if peer ~= self then
      pcall(peer.sync, peer) -- one that is closed, or mute, has nothing to say
    end
  end
  self:sync()
  for _, message in ipairs(self.inbox) do
    if not kind or message.type == kind then
      error(("expected %s, received %s"):format(
        kind and "no " .. kind or "nothing", show(self.inbox)), 2)
    end
  end
end

-- Reads until the server closes. Fails if the code is not this one; nil: any
-- will do. Returns the reason in the close frame.
function Client:expect_close(code, timeout)
  local text, problem
  repeat
    text, problem = self:receive(timeout)
    table.insert(self.inbox, text and decode(text))
  until not text
  local got = self.ws.got_close_code or problem
  if code and got ~= code then
    error(("expected close %s, got %s (%s); received before: %s"):format(code,
      got, tostring(self.ws.got_close_message), show(self.inbox)), 2)
  end
  return self.ws.got_close_message
end

-- The same as `auth`; a failure is raised in the function `level` above the
-- caller.
local function log_in(self, level, token, session)
  self:send("auth", { token = token, session = session })
  local answer = take(self, "the answer to auth", function(message)
    return message.type == "auth_ok" or message.type == "auth_error"
  end, nil, level + 1)
  if answer.type == "auth_error" then
    return nil, answer.data.code, answer.data.message, answer.data
  end
  self.token = token
  return answer.data
end

-- Authenticates; `session` is {} to ask for a session. Returns the data of
-- auth_ok; or nil, code, text, and all data of the error. A failure is raised
-- in the function `level` (0) above the caller.
function Client:auth(token, session, level)
  local info, code, text, all = log_in(self, (level or 0) + 1, token, session)
  if info and session and info.session then
    self.session = Session.new(info.session)
  end
  return info, code, text, all
end

-- Closes as a browser does: sends a close frame, and waits for the answer.
function Client:close(code, reason)
  self.ws:close(code or 1000, reason, self.timeout)
end

-- The network is gone, without a close frame. `how`: "end" (nil), the server
-- reads an end of the stream; "reset", an error; "half-open", nothing: for it
-- the connection is still there. What was not read is not received.
function Client:cut(how)
  if how == "half-open" then
    table.insert(self.half_open, self.ws)
  elseif how == "reset" then
    socket.reset(self.ws, self.timeout)
  else
    socket.close(self.ws)
  end
end

-- Connects again and resumes the session; if the connection is not cut, it is
-- half-open from now on. Sends again what the server has not received. `opts`
-- may have other values for `token`, `id` (of the session) and `received`, and
-- `session` for all of it. Returns the data of auth_ok, whose session.resumed
-- says whether it is the old session; or nil, code, text of an auth_error.
function Client:resume(opts)
  opts = opts or {}
  local old = self.session
  if self.ws.readyState < 3 then
    self:cut "half-open"
  end
  self.ws = assert(socket.open(self.target, Client.timeout))
  local info, code, text = log_in(self, 1, opts.token or self.token,
    opts.session or { id = opts.id or old.id,
      received = opts.received or old.received })
  if not info then
    return nil, code, text
  end
  self.info = info
  if info.session.resumed then
    old:acknowledge(info.session.received)
    for _, raw in ipairs(old:unacknowledged()) do
      self.ws:send(raw, "text", self.timeout)
    end
  else
    self.session = Session.new(info.session)
  end
  return info
end

-- Ends the connection, and its session even if it was cut.
function Client:finish()
  if self.session and self.ws.readyState == 3 then
    self:resume()
  end
  self:close()
end

-- Hangs up without a word.
function Client:drop()
  socket.close(self.ws)
  for i, ws in pairs(self.half_open) do
    socket.close(ws)
    self.half_open[i] = nil
  end
end

return Client
