-- SPDX-License-Identifier: MIT
-- Certificates, and clients that believe one of them only.
local Client = require "perigee.testing_client"
local t = require "perigee.testing"
local http_tls = require "http.tls"
local websocket = require "http.websocket"
local x509 = require "openssl.x509"

local tls = {}

-- Connects and authenticates; the client believes this certificate only.
function tls.connect(server, cert, user)
  local file <close> = assert(io.open(cert, "rb"))
  local context = http_tls.new_client_context()
  context:getStore():add(x509.new(file:read "a", "PEM"))
  local ws = websocket.new_from_uri(("wss://localhost:%s/ws"):format(
    server.port))
  ws.request.ctx = context
  assert(ws:connect(t.timeout))
  local client = setmetatable({ ws = ws, inbox = t.array {}, next_id = 1,
    user = user, timeout = t.timeout }, Client)
  table.insert(server.clients, client)
  assert(client:auth(server:token { sub = user }))
  return client
end

return tls
