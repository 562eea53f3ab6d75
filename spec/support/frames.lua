-- SPDX-License-Identifier: MIT
-- A WebSocket peer that sends whatever bytes it is told to, and reads what
-- comes back frame by frame. RFC 6455, section 5.2, by hand.
local http = require "spec.support.http"
local socket = require "cqueues.socket"
local t = require "perigee.testing"

local frames = {
  CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10,
}

local Peer = {}
Peer.__index = Peer

local MASK = "\x37\xfa\x21\x3d"

local function masked(payload, mask)
  local out = {}
  for i = 1, #payload do
    out[i] = string.char(payload:byte(i) ~ mask:byte((i - 1) % 4 + 1))
  end
  return table.concat(out)
end

local function head_of_length(length, bit, width)
  if width == 8 or not width and length > 0xffff then
    return string.pack(">BI8", bit | 127, length)
  elseif width == 2 or not width and length > 125 then
    return string.pack(">BI2", bit | 126, length)
  end
  return string.pack("B", bit | length)
end

-- The bytes of one frame. opts: fin (true), rsv (bits 0 to 7), mask (4 bytes,
-- or false), width (bytes of an extended length: 2 or 8).
function frames.frame(opcode, payload, opts)
  opts = opts or {}
  local mask = opts.mask == nil and MASK or opts.mask
  local first = (opts.fin == false and 0 or 0x80) | (opts.rsv or 0) << 4
  local head = string.char(first | opcode)
    .. head_of_length(#payload, mask and 0x80 or 0, opts.width)
  return mask and head .. mask .. masked(payload, mask) or head .. payload
end

function frames.text(payload)
  return frames.frame(frames.TEXT, payload)
end

-- A close frame; without a code its payload is empty.
function frames.close(code, reason)
  return frames.frame(frames.CLOSE,
    code and string.pack(">I2", code) .. (reason or "") or "")
end

-- Payloads as one message in as many fragments.
function frames.fragments(opcode, payloads)
  local out = {}
  for i, payload in ipairs(payloads) do
    out[i] = frames.frame(i == 1 and opcode or frames.CONTINUATION, payload,
      { fin = i == #payloads })
  end
  return table.concat(out)
end

-- Connects and shakes hands. Returns the peer; or nil and the status.
function frames.connect(server, path, ...)
  local conn = socket.connect {
    host = "127.0.0.1", port = tonumber(server.port), nodelay = true,
  }
  conn:settimeout(t.timeout)
  conn:setmode("bn", "bn")
  conn:onerror(function(_, _, why) return why end)
  if server.url:find "^https" then
    assert(conn:starttls()) -- whoever it is
  end
  conn:write(table.concat({ ("GET %s HTTP/1.1"):format(path),
    "Host: localhost", ..., }, "\r\n"), "\r\n",
    table.concat({ http.upgrade() }, "\r\n"), "\r\n\r\n")
  local status = conn:read "*L"
  assert(status, "no answer to the handshake")
  repeat local line = conn:read "*L" until not line or line == "\r\n"
  if not status:find "^HTTP/1.1 101" then
    conn:close()
    return nil, tonumber(status:match "^HTTP/1%.. (%d+)")
  end
  local self = setmetatable({ conn = conn }, Peer)
  server.clients[#server.clients + 1] = self -- dropped with the others
  return self
end

-- Sends bytes; in pieces of `size`, each a write of its own, if that is given.
-- That the other side hangs up meanwhile is for the reader to notice.
function Peer:send(bytes, size)
  for at = 1, #bytes, size or #bytes do
    if not self.conn:write(bytes:sub(at, at + (size or #bytes) - 1)) then
      return
    end
  end
end

-- The next frame: { opcode, payload, fin, rsv }; nil at the end.
function Peer:receive()
  local head, why = self.conn:read(2)
  if not head or #head < 2 then
    assert(not tostring(why):find "timed out" and why ~= 110, "nothing came")
    return nil
  end
  local first, second = head:byte(1, 2)
  assert(second < 0x80, "a server must not mask")
  local length = second
  if second == 126 then
    length = string.unpack(">I2", self.conn:read(2))
  elseif second == 127 then
    length = string.unpack(">I8", self.conn:read(8))
  end
  return {
    opcode = first & 15, fin = first & 0x80 ~= 0, rsv = first >> 4 & 7,
    payload = length > 0 and assert(self.conn:read(length)) or "",
  }
end

function Peer:expect(opcode, payload)
  local frame = self:receive()
  if not frame then
    error(("expected opcode %d, got the end"):format(opcode), 2)
  elseif frame.opcode ~= opcode or frame.payload ~= payload or frame.rsv ~= 0
    or not frame.fin then
    error(("expected opcode %d with %q, got %d with %q"):format(opcode,
      payload:sub(1, 60), frame.opcode, frame.payload:sub(1, 60)), 2)
  end
end

-- Reads a close frame with this code (false: without any) and then the end;
-- returns the reason.
function Peer:expect_close(code)
  local frame = self:receive()
  if not frame or frame.opcode ~= frames.CLOSE then
    error(("expected close %s, got %s"):format(code, frame
      and ("opcode %d with %q"):format(frame.opcode, frame.payload:sub(1, 60))
      or "the end without a word"), 2)
  end
  local got = #frame.payload > 0 and string.unpack(">I2", frame.payload)
  if got ~= code then
    error(("expected close %s, got %s"):format(code, got), 2)
  end
  self:send(frames.close(code or nil)) -- if the server has not hung up yet
  self:expect_end()
  return frame.payload:sub(3)
end

function Peer:expect_end()
  local frame = self:receive()
  if frame then
    error(("expected the end, got opcode %d with %q"):format(frame.opcode,
      frame.payload:sub(1, 60)), 2)
  end
end

function Peer:drop()
  self.conn:close()
end

-- A server whose path /raw echoes, and does what some words say; without
-- limits on rates.
function frames.echo_server(options)
  local all = {
    -- The first ping of a connection comes at a random time of the interval.
    ["heartbeat.interval_s"] = 3600,
    ["raw.path"] = "/raw", ["limits.messages_per_s"] = 0,
    ["limits.bytes_per_s"] = 0, ["limits.message_bytes"] = "2MiB",
    ["limits.queue_bytes"] = "16MiB", ["limits.per_ip"] = 0,
  }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return t.server {
    options = all,
    scripts = {
      ["echo.lua"] = [[
        return {
          ["@raw"] = function(client, payload, is_binary)
            local code = payload:match "^close (%d+)$"
            if code then
              client:close(tonumber(code))
            else
              client:send_raw(payload, is_binary)
            end
          end,
        }
      ]],
    },
  }
end

return frames
