-- SPDX-License-Identifier: MIT
-- A client of the test kit: one WebSocket connection that reads as a
-- conversation. Made by `server:connect` of perigee.testing.
--
-- Every wait ends with what it waits for, or fails after `client.timeout`
-- seconds with everything that was received instead.

-- Debian has these pure Lua modules for 5.1 to 5.3 only; they run on 5.4.
for _, version in ipairs { "5.3", "5.2", "5.1" } do
  package.path = package.path .. (";/usr/share/lua/%s/?.lua"):format(version)
end

local cqueues = require "cqueues"
local dkjson = require "dkjson"
local websocket = require "http.websocket"

-- dkjson writes floats with 14 digits, so that 0.1 + 0.2 would change.
local function encode(value)
  if math.type(value) == "float" then
    return ("%.17g"):format(value)
  elseif type(value) ~= "table" or value == dkjson.null then
    return dkjson.encode(value)
  end
  local meta, parts = getmetatable(value), {}
  if #value > 0 or meta and meta.__jsontype == "array" then
    for i, item in ipairs(value) do
      parts[i] = encode(item)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, item in pairs(value) do
    parts[#parts + 1] = dkjson.encode(tostring(key)) .. ":" .. encode(item)
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

-- Integers stay integers, null becomes dkjson.null, [] differs from {}.
local function decode(text)
  local value, _, problem = dkjson.decode(text, 1, dkjson.null)
  if problem then
    error(("%s in %s"):format(problem, text), 2)
  end
  return value
end

local Client = { timeout = 10, encode = encode, decode = decode }
Client.__index = Client

-- Waits until the next frame is here as a whole. lua-http itself fails when
-- one of 126 to 65535 bytes comes in parts.
local function await_frame(socket, timeout)
  local deadline = timeout and cqueues.monotime() + timeout
  local function await(size)
    return socket:fill(size, deadline
      and math.max(deadline - cqueues.monotime(), 0))
  end
  local function peek(size)
    local bytes = await(size) and socket:xread(size, "b", 0)
    return bytes and socket:unget(bytes) and bytes
  end
  local head = peek(2)
  local length = head and head:byte(2) & 0x7f
  local more = length == 126 and 2 or length == 127 and 8 or 0
  if more > 0 then
    head = peek(2 + more)
    length = head and string.unpack(">I" .. more, head, 3)
  end
  if length then
    await(2 + more + length)
  end
end

-- Instead of lua-http's own, also when that reads itself. Whatever went wrong
-- with the waiting, it meets again.
local function receive_whole(ws, timeout)
  local deadline = timeout and cqueues.monotime() + timeout
  if ws.readyState == 1 or ws.readyState == 2 then
    await_frame(ws.socket, timeout)
  end
  return websocket.methods.receive(ws, deadline
    and math.max(deadline - cqueues.monotime(), 0))
end

-- Connects to a ws:// or wss:// address, as `context` of TLS says; returns nil
-- and the reason if refused.
function Client.new(url, headers, context)
  local ws = websocket.new_from_uri(url)
  ws.receive, ws.request.ctx = receive_whole, context
  for name, value in pairs(headers or {}) do
    ws.request.headers:upsert(name, value)
  end
  local ok, problem = ws:connect(Client.timeout)
  if not ok then
    return nil, problem
  end
  local inbox = setmetatable({}, { __jsontype = "array" })
  return setmetatable({ ws = ws, inbox = inbox, next_id = 1 }, Client)
end

function Client:send_text(raw)
  return self.ws:send(raw, "text", self.timeout)
end

function Client:send(kind, data, id)
  local fields = { type = kind, data = data, id = id }
  return self:send_text(encode(fields))
end

-- The next message as text; or nil, reason: "timeout" or "closed".
function Client:receive(timeout)
  local text, problem = self.ws:receive(timeout or self.timeout)
  if text then
    return text
  elseif self.ws.readyState < 3 and tostring(problem):find "timed out" then
    self.ws.socket:clearerr()
    return nil, "timeout"
  end
  return nil, "closed"
end

-- Takes the first message that `wanted` accepts, received or to come; others
-- wait in the inbox. Pings of the server are answered unless `self.is_mute`.
local function take(self, what, wanted, timeout)
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
        tostring(self.ws.got_close_code), encode(self.inbox)), 3)
    elseif wanted(message) then
      return message
    elseif message.type ~= "ping" then
      table.insert(self.inbox, message)
    elseif not self.is_mute then
      self:send "pong"
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

-- The first message of this type (whose data has all that `part` has); fails
-- with what was received instead.
function Client:expect(kind, part, timeout)
  if type(part) == "number" then
    part, timeout = nil, part
  end
  local what = part and ("%s with %s"):format(kind, encode(part)) or kind
  return take(self, what, function(message)
    return message.type == kind and (not part or covers(message.data, part))
  end, timeout)
end

-- The data of the reply; or nil, code, text, and all data of the error.
function Client:request(kind, data, id)
  id = id or self.next_id
  self.next_id = self.next_id + 1
  self:send(kind, data, id)
  local answer = take(self, "the answer to " .. kind, function(message)
    return message.id == id
  end)
  if answer.type == "error" then
    local problem = answer.data
    return nil, problem.code, problem.message, problem
  end
  return answer.data
end

-- The code and text of the error (and all its data) that answers this; fails
-- if it is no error.
function Client:fails(kind, data)
  local answer, code, text, all = self:request(kind, data)
  if not code then
    error(("%s should have failed, but was answered %s"):format(kind,
      encode(answer)), 2)
  end
  return code, text, all
end

-- Joins; returns the data of the reply, fails if it is refused.
function Client:join(room, data)
  local fields = { room = room }
  for name, value in pairs(data or {}) do
    fields[name] = value
  end
  local answer, code, text = self:request("join", fields)
  if code then
    error(("%s may not join %s: %s (%s)"):format(self.user or "client", room,
      code, text), 2)
  end
  return answer
end

function Client:leave(room)
  return self:request("leave", { room = room })
end

-- Waits for the pong to a ping: what the server did before came before.
function Client:sync()
  self:send "ping"
  self:expect "pong"
end

-- Fails if anything (of this type) was received that no `expect` has taken,
-- now that all that the clients of this server have sent has arrived.
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
        kind and "no " .. kind or "nothing", encode(self.inbox)), 2)
    end
  end
end

-- Reads until the server closes, with this code or (nil) any; returns the
-- reason in the close frame.
function Client:expect_close(code, timeout)
  local text, problem
  repeat
    text, problem = self:receive(timeout)
    table.insert(self.inbox, text and decode(text))
  until not text
  local got = self.ws.got_close_code or problem
  if code and got ~= code then
    error(("expected close %s, got %s (%s); received before: %s"):format(code,
      got, tostring(self.ws.got_close_message), encode(self.inbox)), 2)
  end
  return self.ws.got_close_message
end

-- Authenticates; returns the data of auth_ok, or nil, code, text.
function Client:auth(token)
  self:send("auth", { token = token })
  local answer = take(self, "the answer to auth", function(message)
    return message.type == "auth_ok" or message.type == "auth_error"
  end)
  if answer.type == "auth_error" then
    return nil, answer.data.code, answer.data.message
  end
  return answer.data
end

-- Closes as a browser does: close frame, and the answer to it.
function Client:close(code, reason)
  self.ws:close(code or 1000, reason, self.timeout)
end

-- Hangs up without a word.
function Client:drop()
  self.ws.readyState = 3
  self.ws.socket:close()
end

return Client
