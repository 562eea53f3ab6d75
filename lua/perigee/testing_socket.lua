-- SPDX-License-Identifier: MIT
-- The WebSocket of a client of the test kit: how it is opened, reads whole
-- frames, and ends without a close frame.

local cqueues = require "cqueues"
local websocket = require "http.websocket"

local socket = {}

-- Waits until the next frame is here as a whole. lua-http itself fails if a
-- frame of 126 to 65535 bytes comes in parts.
local function await_frame(stream, timeout)
  local deadline = timeout and cqueues.monotime() + timeout
  local function await(size)
    return stream:fill(size, deadline
      and math.max(deadline - cqueues.monotime(), 0))
  end
  local function peek(size)
    local bytes = await(size) and stream:xread(size, "b", 0)
    return bytes and stream:unget(bytes) and bytes
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

-- Stands in for lua-http's own `receive`, which lua-http calls, too. What has
-- gone wrong while waiting is not looked at: the real one meets it again.
local function receive_whole(ws, timeout)
  local deadline = timeout and cqueues.monotime() + timeout
  if ws.readyState == 1 or ws.readyState == 2 then
    await_frame(ws.socket, timeout)
  end
  return websocket.methods.receive(ws, deadline
    and math.max(deadline - cqueues.monotime(), 0))
end

-- Returns a connection; or nil, and the reason.
function socket.open(target, timeout)
  local ws = websocket.new_from_uri(target.url)
  ws.receive, ws.request.ctx = receive_whole, target.context
  for name, value in pairs(target.headers or {}) do
    ws.request.headers:upsert(name, value)
  end
  local ok, problem = ws:connect(timeout)
  return ok and ws, problem
end

-- Hangs up.
function socket.close(ws)
  ws.readyState = 3
  ws.socket:close()
end

-- The kernel sends a reset when a socket is closed on which something waits to
-- be read: here the answer to a ping.
function socket.reset(ws, timeout)
  ws:send_ping("", timeout)
  cqueues.poll({ pollfd = ws.socket:pollfd(), events = "r" }, timeout)
  socket.close(ws)
end

return socket
