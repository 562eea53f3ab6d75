-- SPDX-License-Identifier: MIT
-- A WebSocket client that may break every rule: bytes over a plain socket.
local http = require "spec.support.http"
local http_tls = require "http.tls"
local openssl_context = require "openssl.ssl.context"
local socket = require "cqueues.socket"
local t = require "perigee.testing"

local raw = {}

raw.handshake = "GET /ws HTTP/1.1\r\nHost: localhost\r\n"
  .. table.concat({ http.upgrade() }, "\r\n") .. "\r\n\r\n"

-- A plain connection, from that address (or any). Its reads and writes return
-- nil when it has ended.
function raw.connect(server, from)
  local peer = assert(socket.connect { host = "127.0.0.1",
    port = tonumber(server.port), bind = from })
  peer:settimeout(t.timeout)
  peer:setmode("bn", "bn")
  peer:onerror(function(_, _, why) return why end)
  assert(peer:connect(t.timeout))
  return peer
end

-- A frame; opts: fin, rsv (0 to 7), opcode, mask (4 bytes, or false), length
-- (what the header claims), wide (so many bytes of length: 2 or 8).
function raw.frame(payload, opts)
  opts = opts or {}
  local fin = opts.fin == false and 0 or 0x80
  local first = fin | (opts.rsv or 0) << 4 | (opts.opcode or 1)
  local length = opts.length or #payload
  local mask = opts.mask == nil and "\1\2\3\4" or opts.mask
  local bit = mask and 0x80 or 0
  local head
  if opts.wide == 8 or length < 0 or length > 0xffff then
    head = string.pack(">BBi8", first, bit | 127, length)
  elseif opts.wide == 2 or length > 125 then
    head = string.pack(">BBI2", first, bit | 126, length)
  else
    head = string.pack(">BB", first, bit | length)
  end
  if not mask then
    return head .. payload
  end
  local bytes = {}
  for i = 1, #payload do
    bytes[i] = string.char(payload:byte(i) ~ mask:byte((i - 1) % 4 + 1))
  end
  return head .. mask .. table.concat(bytes)
end

-- The bytes of a client that logs in.
function raw.login(server, user)
  return raw.handshake .. raw.frame(t.encode {
    type = "auth", data = { token = server:token { sub = user } } })
end

-- Reads up to the end that the server makes; fails if it makes none.
-- Reads until the text has come; returns all that was read.
function raw.read_until(peer, text)
  local read = ""
  while not read:find(text, 1, true) do
    read = read .. assert(peer:read(-4096))
  end
  return read
end

function raw.read_to_end(peer)
  local parts = {}
  while true do
    local bytes, why = peer:read(-4096)
    if not bytes then
      local timed_out = why and tostring(why):find "timed out" or why == 110
      peer:close()
      assert(not timed_out, "the server does not end this")
      return table.concat(parts)
    end
    parts[#parts + 1] = bytes
  end
end

-- Speaks TLS from now on, with whoever that is.
function raw.secure(peer)
  local context = http_tls.new_client_context()
  context:setVerify(openssl_context.VERIFY_NONE)
  assert(peer:starttls(context, t.timeout))
end

-- Says `bytes` at a port, over TLS or not, and reads up to the end. Nothing else
-- is said: no FIN either.
function raw.ask(door, bytes)
  local peer = raw.connect { port = door.port }
  if door.tls then raw.secure(peer) end
  assert(peer:write(bytes))
  return raw.read_to_end(peer)
end

return raw
