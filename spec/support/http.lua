-- SPDX-License-Identifier: MIT
-- One HTTP request over a plain socket, so that it may be an odd one.
local socket = require "cqueues.socket"
local t = require "perigee.testing"

local http = {}

-- Sends `lines` (request line first) and reads up to the end; returns the
-- status, the body, and the head as text. `host`: where, if not 127.0.0.1.
function http.exchange(port, lines, host)
  local conn = socket.connect { host = host or "127.0.0.1",
    port = tonumber(port) }
  conn:settimeout(t.timeout)
  conn:setmode("bn", "bn")
  local request = table.concat(lines, "\r\n") .. "\r\n\r\n"
  assert(conn:write(request))
  local head = {}
  for line in conn:lines "*L" do
    head[#head + 1] = line
    if line == "\r\n" then break end
  end
  local text = table.concat(head)
  local length = text:lower():match "content%-length: *(%d+)"
  local body = ""
  if length and tonumber(length) > 0 then
    body = conn:read(tonumber(length))
  elseif not length and not text:match "^HTTP/1.1 1" then
    body = conn:read "*a"
  end
  conn:close()
  return tonumber(text:match "^HTTP/1.. (%d+)"), body, text
end

function http.get(port, path, ...)
  return http.exchange(port, {
    ("GET %s HTTP/1.1"):format(path), "Host: localhost", ...,
  })
end

-- The headers of a WebSocket handshake.
function http.upgrade()
  return "Connection: Upgrade", "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
end

return http
