-- SPDX-License-Identifier: MIT
-- Calls of the HTTP API, over connections that stay open.
--
--   local api = require "spec.support.api"
--   local server = t.server { options = api.options() }
--   local status, answer = api.call(server, "send", { user = "alice", … })
--
--   local peer = api.connect(server)
--   peer:send(head, body)      -- any bytes
--   local status, answer, head = peer:read()
local socket = require "cqueues.socket"
local t = require "perigee.testing"

local api = {
  KEY = "an-example-key-that-may-do-everything-0",
  SENDER = "an-example-key-that-may-only-send-000000",
}

-- Options of a server with an API.
function api.options(more)
  local options = { ["api.keys"] = ("ops:%s,shop:send:%s"):format(api.KEY, api.SENDER) }
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return options
end

local Peer = {}
Peer.__index = Peer

function api.connect(server)
  local port = tonumber(server.admin:match "%d+$")
  local conn = socket.connect { host = "127.0.0.1", port = port }
  conn:settimeout(t.timeout)
  conn:setmode("bn", "bn")
  return setmetatable({ conn = conn }, Peer)
end

function Peer:write(bytes)
  return self.conn:write(bytes)
end

-- The text of a request. Headers are lines.
function api.request(method, path, body, headers)
  local lines = { ("%s %s HTTP/1.1"):format(method, path), "Host: localhost" }
  for _, line in ipairs(headers or { "Authorization: Bearer " .. api.KEY }) do
    lines[#lines + 1] = line
  end
  if body then
    lines[#lines + 1] = "Content-Length: " .. #body
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
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
-- the connection has ended.
function Peer:read()
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
  elseif length and length > 0 then
    body = self.conn:read(length)
  end
  if body and text:find "application/p?r?o?b?l?e?m?+?json" then
    body = t.decode(body)
  end
  return status, body, text
end

function Peer:close()
  self.conn:close()
end

-- One request on a connection of its own.
function api.ask(server, method, path, body, headers)
  local peer = api.connect(server)
  assert(peer:write(api.request(method, path, body, headers)))
  local status, answer, head = peer:read()
  peer:close()
  return status, answer, head
end

-- A call of POST with a table.
function api.call(server, name, args, headers)
  return api.ask(server, "POST", "/api/v1/" .. name, t.encode(args), headers)
end

return api
