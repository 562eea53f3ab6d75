-- SPDX-License-Identifier: MIT
-- A trace that is followed over the HTTP API.
--
--   local trace = tracing.open(server, "user=alice")
--   local line = trace:next "message"      -- lines of other events are passed
--   local lines = trace:until_done(span)
--   trace:close()
local api = require "spec.support.api"
local assert = require "luassert"
local t = require "perigee.testing"

local tracing = {}

local Trace = {}
Trace.__index = Trace

-- The status, and a problem, if it is not 200.
function tracing.try(server, query, key)
  local peer = api.connect(server)
  peer:write(api.request("GET", "/api/v1/trace?" .. query, nil,
    { "Authorization: Bearer " .. (key or api.KEY) }))
  return peer
end

function tracing.open(server, query)
  local trace = setmetatable({ peer = tracing.try(server, query),
    lines = {}, taken = 0, rest = "" }, Trace)
  local conn = trace.peer.conn
  trace.head = {}
  repeat
    local line = assert(conn:read "*L")
    trace.head[#trace.head + 1] = line
  until line == "\r\n"
  assert.matches("^HTTP/1.1 200 ", trace.head[1])
  trace.first = trace:line()
  assert.equal("trace", trace.first.event)
  return trace
end

-- What comes next, as lines; false at the end.
local function read_piece(trace)
  local conn = trace.peer.conn
  local size = tonumber(assert(conn:read "*l"):match "^%x+", 16)
  if size == 0 then return false end
  local piece = trace.rest .. conn:read(size)
  assert(conn:read "*L" == "\r\n")
  local at = 1
  for line, behind in piece:gmatch "([^\n]*)\n()" do
    table.insert(trace.lines, line)
    at = behind
  end
  trace.rest = piece:sub(at)
  return true
end

-- The next line, as a text; nil at the end.
function Trace:line_text()
  while self.taken == #self.lines do
    self.lines, self.taken = {}, 0
    if not read_piece(self) then return nil end
  end
  self.taken = self.taken + 1
  return self.lines[self.taken]
end

-- The same, decoded.
function Trace:line()
  local text = self:line_text()
  return text and t.decode(text)
end

-- The next line of that event, and for which all these members are so.
function Trace:next(event, members)
  while true do
    local text = assert(self:line_text(), "the trace has ended")
    local fits = text:find('{"event":"' .. event .. '"', 1, true) == 1
    local line = fits and t.decode(text)
    for name, value in pairs(fits and members or {}) do
      fits = fits and line[name] == value
    end
    if fits then return line end
  end
end

-- All lines of that span up to its end, by event; the last of each.
function Trace:until_done(span)
  local lines = {}
  repeat
    local line = assert(self:line(), "the trace has ended")
    if line.span == span then lines[line.event] = line end
  until lines.done
  return lines
end

function Trace:close()
  self.peer:close()
end

return tracing
