-- SPDX-License-Identifier: MIT
-- permessage-deflate from the other side: a peer over a plain socket whose
-- messages zlib compresses and inflates. It looks at every bit itself.
local http = require "spec.support.http"
local http_tls = require "http.tls"
local openssl_context = require "openssl.ssl.context"
local raw = require "spec.support.raw"
local t = require "perigee.testing"
local zlib = require "zlib"

local deflate = {}

local WINDOW_BITS = -15 -- negative: raw deflate
local TAIL = "\0\0\xff\xff"

-- The payload of a compressed message; as one that nothing came before.
function deflate.compress(text, level)
  local bytes = zlib.deflate(level or 6, WINDOW_BITS)(text, "sync")
  assert(bytes:sub(-4) == TAIL)
  return bytes:sub(1, -5)
end

function deflate.inflate(payload)
  return (zlib.inflate(WINDOW_BITS)(payload .. TAIL))
end

-- A frame with the whole compressed message.
function deflate.frame(text)
  return raw.frame(deflate.compress(text), { rsv = 4 })
end

-- A function that makes such frames, each of which may refer to those before.
function deflate.in_context()
  local stream = zlib.deflate(9, WINDOW_BITS)
  return function(text)
    return raw.frame(stream(text, "sync"):sub(1, -5), { rsv = 4 })
  end
end

local Peer = {}
Peer.__index = Peer

-- Connects with this offer (none: false); `peer.answer` is what the server
-- says to it, nil if nothing.
function deflate.connect(server, offer, path)
  local self = setmetatable({ socket = raw.connect(server) }, Peer)
  server.clients[#server.clients + 1] = self -- dropped with the others
  if server.url:find "^https" then
    local context = http_tls.new_client_context()
    context:setVerify(openssl_context.VERIFY_NONE)
    assert(self.socket:starttls(context, t.timeout))
  end
  local lines = { ("GET %s HTTP/1.1"):format(path or "/ws"), "Host: localhost", http.upgrade() }
  if offer ~= false then
    lines[#lines + 1] = "Sec-WebSocket-Extensions: "
      .. (offer or "permessage-deflate; client_max_window_bits")
  end
  self.socket:write(table.concat(lines, "\r\n"), "\r\n\r\n")
  repeat
    local line = assert(self.socket:read "*l", "no answer")
    line = line:gsub("\r$", "")
    self.status = self.status or line:match "^HTTP/1.1 (%d+)"
    assert(not self.answer or not line:find "^Sec%-WebSocket%-Extensions")
    self.answer = self.answer
      or line:match "^Sec%-WebSocket%-Extensions: (.*)"
  until line == ""
  return self
end

-- The same, and logs in.
function deflate.login(server, user, offer)
  local self = deflate.connect(server, offer)
  self:send { type = "auth", data = { token = server:token { sub = user } } }
  self:expect "auth_ok"
  return self
end

function Peer:send(message)
  self.socket:write(raw.frame(t.encode(message)))
end

function Peer:write(bytes)
  self.socket:write(bytes)
end

function Peer:drop()
  self.socket:close()
end

-- The next frame: opcode, payload as it came, whether RSV1 is set. Pings are
-- answered: a connection's first one comes at a random time of the interval.
function Peer:read_frame()
  local opcode, payload, compressed = self:read_any_frame()
  while opcode == 9 do
    self:write(raw.frame(payload, { opcode = 10 }))
    opcode, payload, compressed = self:read_any_frame()
  end
  return opcode, payload, compressed
end

function Peer:read_any_frame()
  local first, length = self.socket:read(2):byte(1, 2)
  assert(first & 0x80 ~= 0 and length < 128, "in parts, or masked")
  if length == 126 then
    length = string.unpack(">I2", self.socket:read(2))
  elseif length == 127 then
    length = string.unpack(">I8", self.socket:read(8))
  end
  local payload = length > 0 and self.socket:read(length) or ""
  assert(first & 0x30 == 0, "RSV2 or RSV3")
  return first & 0xf, payload, first & 0x40 ~= 0
end

-- The next message of this type: decoded, whether it came compressed, and its
-- text. Others are skipped.
function Peer:expect(kind)
  while true do
    local opcode, payload, compressed = self:read_frame()
    assert(opcode == 1, "a frame of opcode " .. opcode)
    local text = compressed and deflate.inflate(payload) or payload
    local message = t.decode(text)
    if message.type == kind then
      return message, compressed, text
    end
  end
end

-- The data of the reply; then as expect.
function Peer:request(kind, data)
  self:send { type = kind, id = 1, data = data }
  local message, compressed, text = self:expect "reply"
  return message.data, compressed, text
end

-- The code and the reason of the close frame that comes; what comes before is
-- skipped.
function Peer:expect_close()
  while true do
    local opcode, payload, compressed = self:read_frame()
    if opcode == 8 then
      assert(not compressed)
      return string.unpack(">I2", payload), payload:sub(3)
    end
  end
end

return deflate
