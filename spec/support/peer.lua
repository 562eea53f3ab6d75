-- SPDX-License-Identifier: MIT
-- A client of HTTP that says any bytes, and reads one answer after the other.
local socket = require "cqueues.socket"
local t = require "perigee.testing"

local Peer = {}
Peer.__index = Peer

local function connect(port)
  local conn = socket.connect { host = "127.0.0.1", port = tonumber(port) }
  conn:settimeout(t.timeout)
  conn:setmode("bn", "bn")
  return setmetatable({ conn = conn }, Peer)
end

function Peer:write(bytes)
  return self.conn:write(bytes)
end

local function read_chunks(conn)
  local parts = {}
  while true do
    local size = tonumber(conn:read "*l":match "^%x+", 16)
    if size > 0 then parts[#parts + 1] = conn:read(size) end
    assert(conn:read "*L" == "\r\n")
    if size == 0 then return table.concat(parts) end
  end
end

-- Reads one answer: status, body (decoded, if it is JSON), head. Nothing when
-- the connection has ended. `bare`: it is that to a HEAD.
function Peer:read(bare)
  local head = {}
  for line in self.conn:lines "*L" do
    head[#head + 1] = line
    if line == "\r\n" then break end
  end
  local text = table.concat(head)
  local status = tonumber(text:match "^HTTP/1.1 (%d+)")
  if not status then return nil end
  local length = tonumber(text:match "\r\n[Cc]ontent%-[Ll]ength: *(%d+)")
  local body
  if text:find "[Tt]ransfer%-[Ee]ncoding: chunked" then
    body = read_chunks(self.conn)
  elseif length and length > 0 and not bare then
    body = self.conn:read(length)
  end
  if body and text:find "application/p?r?o?b?l?e?m?+?json" then
    body = t.decode(body)
  end
  return status, body, text
end

-- Whether the server has ended the connection.
function Peer:is_over()
  return self.conn:read(1) == nil
end

function Peer:close()
  self.conn:close()
end

return { connect = connect }
