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
local peers = require "spec.support.peer"
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

function api.connect(server)
  return peers.connect(server.admin:match "%d+$")
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
