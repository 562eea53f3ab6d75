-- SPDX-License-Identifier: MIT
-- A collector of traces, in a process of its own.
--
--   local site = collector.start()
--   local span = site:wait("echo")       -- the first span of that name
--   site:spans()                          -- all of them, by the order they came
local http = require "spec.support.http"
local json = require "perigee.testing_json"
local t = require "perigee.testing"

local collector = {}
collector.__index = collector

-- If the tests die, the kernel stops it.
function collector.start(port)
  local process = assert(io.popen(("echo $$; exec setpriv --pdeathsig TERM "
    .. "lua5.4 spec/support/collector_server.lua %d"):format(port or 0)))
  local self = setmetatable({ process = process }, collector)
  self.pid, self.port = process:read("n", "n")
  assert(self.port, "the collector did not start")
  self.url = ("http://127.0.0.1:%d"):format(self.port)
  return self
end

function collector:get(path)
  local _, body = http.get(self.port, path, "Connection: close")
  return body
end

function collector:mode(name) self:get("/mode/" .. name) end

function collector:requests() return json.decode(self:get "/seen") end

-- Attributes as a plain table.
function collector.table_of(attributes)
  local values = {}
  for _, one in ipairs(attributes or {}) do
    local value = one.value
    values[one.key] = value.stringValue or tonumber(value.intValue)
      or value.doubleValue
  end
  return values
end

-- Those that it has taken, with their attributes as plain tables.
function collector:spans()
  local found = {}
  for _, request in ipairs(self:requests()) do
    for _, resource in ipairs(request.status == 200
      and json.decode(request.body).resourceSpans or {}) do
      for _, scope in ipairs(resource.scopeSpans) do
        for _, span in ipairs(scope.spans) do
          span.with = collector.table_of(span.attributes)
          found[#found + 1] = span
        end
      end
    end
  end
  return found
end

local function fits(span, name, with)
  for key, value in pairs(with or {}) do
    if span.with[key] ~= value and span[key] ~= value then return false end
  end
  return span.name == name
end

-- Those of that name with these attributes or members.
function collector:named(name, with)
  local found = {}
  for _, span in ipairs(self:spans()) do
    if fits(span, name, with) then found[#found + 1] = span end
  end
  return found
end

-- The first of these, when it has come.
function collector:wait(name, with)
  return t.wait_until(function() return self:named(name, with)[1] end)
end

function collector:stop()
  if io.type(self.process) == "closed file" then return end
  os.execute(("kill -TERM %d 2>/dev/null"):format(self.pid))
  self.process:close()
end

return collector
