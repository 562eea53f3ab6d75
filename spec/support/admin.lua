-- SPDX-License-Identifier: MIT
-- Requests to the admin address of a server.
local http = require "spec.support.http"
local socket = require "cqueues.socket"
local t = require "perigee.testing"

local admin = {}

function admin.port_of(server)
  return server.admin:match "%d+$"
end

function admin.get(server, path, ...)
  return http.get(admin.port_of(server), path, ...)
end

function admin.post(server, path, ...)
  return http.exchange(admin.port_of(server), {
    ("POST %s HTTP/1.1"):format(path), "Host: localhost", ...,
  })
end

function admin.reload(server, query)
  local status, body = admin.post(server, "/reload" .. (query or ""))
  return t.decode(body), status
end

-- The value of a series as it is printed; nil when there is none.
function admin.metric(server, series)
  local status, body = admin.get(server, "/metrics")
  assert(status == 200, body)
  local at = ("\n" .. body):match("\n" .. series:gsub("%p", "%%%0") .. " (%S+)")
  return tonumber(at)
end

-- Sends a request and does not wait for the answer; the function reads it.
function admin.begin(server, line)
  local conn = socket.connect { host = "127.0.0.1",
    port = tonumber(admin.port_of(server)) }
  conn:settimeout(t.timeout)
  conn:setmode("bn", "bn")
  assert(conn:write(line .. " HTTP/1.1\r\nHost: localhost\r\n\r\n"))
  return function()
    local length
    for head in conn:lines "*L" do
      length = tonumber(head:lower():match "^content%-length: *(%d+)") or length
      if head == "\r\n" then break end
    end
    local body = conn:read(length)
    conn:close()
    return t.decode(body)
  end, conn
end

return admin
