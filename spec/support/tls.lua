-- SPDX-License-Identifier: MIT
-- Certificates, and clients that believe one of them only.
local Client = require "perigee.testing_client"
local t = require "perigee.testing"
local http_tls = require "http.tls"
local x509 = require "openssl.x509"

local tls = {}

-- Connects and authenticates; the client believes this certificate only.
function tls.connect(server, cert, user)
  local file <close> = assert(io.open(cert, "rb"))
  local context = http_tls.new_client_context()
  context:getStore():add(x509.new(file:read "a", "PEM"))
  local url = ("wss://localhost:%s/ws"):format(server.port)
  local client = assert(Client.new(url, nil, context))
  client.user, client.timeout = user, t.timeout
  table.insert(server.clients, client)
  assert(client:auth(server:token { sub = user }))
  return client
end

return tls
