-- SPDX-License-Identifier: MIT
-- The program behind spec.support.collector: it takes what would be sent to an
-- OpenTelemetry collector. It says its port. Argument: a port, 0 for any.
--
--   POST …            takes a request, or does not:
--   /mode/NAME        how it answers from now on:
--     ok              200 {}
--     status/503/1    that status, and Retry-After: 1
--     partial         200, and says that it has refused one span
--   /has/NAME         whether a span of that name has come: true or false
--   /seen             the requests so far: {"path":…,"status":…,"headers":{…},
--                     "body":…}, as a JSON array; the body as a text
for _, version in ipairs { "5.3", "5.2", "5.1" } do
  package.path = package.path .. (";/usr/share/lua/%s/?.lua"):format(version)
end

local dkjson = require "dkjson"
local new_headers = require("http.headers").new
local http_server = require "http.server"

local mode, seen = "ok", {}
local PARTIAL = '{"partialSuccess":{"rejectedSpans":"1",'
  .. '"errorMessage":"one is too old"}}'

local function answer(stream, status, body, more)
  local headers = new_headers()
  headers:append(":status", tostring(status))
  headers:append("content-length", tostring(#body))
  for name, value in pairs(more or {}) do headers:append(name, value) end
  stream:write_headers(headers, body == "", 10)
  if body ~= "" then stream:write_chunk(body, true, 10) end
end

local function take(stream, headers)
  local what, status, after = mode:match "^(%a+)/?([^/]*)/?([^/]*)"
  local request = { path = headers:get ":path", headers = {},
    status = tonumber(status) or 200,
    body = stream:get_body_as_string(10) }
  for name, value in headers:each() do request.headers[name] = value end
  seen[#seen + 1] = request
  if what == "status" then
    answer(stream, status, "not now",
      { ["retry-after"] = after ~= "" and after or nil })
  else
    answer(stream, 200, what == "partial" and PARTIAL or "{}",
      { ["content-type"] = "application/json" })
  end
end

local function has(name)
  for _, request in ipairs(seen) do
    if request.body:find(('"name":"%s"'):format(name), 1, true) then
      return true
    end
  end
  return false
end

local function on_stream(_, stream)
  local headers = assert(stream:get_headers(10))
  local path = headers:get ":path"
  if headers:get ":method" == "POST" then
    take(stream, headers)
  elseif path:match "^/mode/" then
    mode = path:match "^/mode/(.*)"
    answer(stream, 200, mode)
  elseif path:match "^/has/" then
    answer(stream, 200, tostring(has(path:match "^/has/(.*)")))
  else
    answer(stream, 200, dkjson.encode(seen))
  end
  stream:shutdown()
end

local server = assert(http_server.listen {
  host = "127.0.0.1",
  port = tonumber(arg[1] or 0),
  tls = false,
  reuseaddr = true,
  onstream = on_stream,
  onerror = function() end, -- clients that hang up are part of the game
})
assert(server:listen(10))
print(select(3, server:localname()))
io.stdout:flush()
assert(server:loop())
