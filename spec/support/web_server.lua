-- SPDX-License-Identifier: MIT
-- The program behind spec.support.web: an HTTP server that says its port.
-- Arguments: the files of certificate and key, for HTTPS.
--
--   /echo          what was asked for, as JSON
--   /same          the body that was sent
--   /status/404    an answer with that status
--   /headers       headers that come more than once
--   /lines/100     that many headers `a: b`
--   /bytes/100     that many bytes
--   /redirect/URL  to that URL
--   /hold/NAME     answers when somebody asks for /release/NAME
--   /held/NAME     answers when a /hold/NAME is there
--   /gather/50     answers when so many of these are there
--   /keep/NAME     a POST of what /kept/NAME is to answer
--   /fail/NAME     /kept/NAME answers 500 until the next POST
--   /count/NAME    how often /kept/NAME was asked for
--   /gathered/50   answers then, too, and does not count
for _, version in ipairs { "5.3", "5.2", "5.1" } do
  package.path = package.path .. (";/usr/share/lua/%s/?.lua"):format(version)
end

local condition = require "cqueues.condition"
local dkjson = require "dkjson"
local new_headers = require("http.headers").new
local http_server = require "http.server"
local http_tls = require "http.tls"
local pkey = require "openssl.pkey"
local x509 = require "openssl.x509"

local changed = condition.new()
local held, released, gathered = {}, {}, 0

-- Waits until the test answers something true.
local function wait_for(test)
  while not test() do
    changed:wait()
  end
end

local function answer(stream, body, status, more)
  local headers = new_headers()
  headers:append(":status", tostring(status or 200))
  headers:append("content-length", tostring(#body))
  for _, header in ipairs(more or {}) do
    headers:append(header[1], header[2])
  end
  local is_empty = body == "" or stream.req_method == "HEAD"
  stream:write_headers(headers, is_empty, 10)
  if not is_empty then
    stream:write_chunk(body, true, 10)
  end
end

local pages = {}

function pages.echo(stream, _, headers)
  local seen = {}
  for name, value in headers:each() do
    seen[name] = value
  end
  answer(stream, dkjson.encode {
    method = headers:get ":method",
    path = headers:get ":path",
    headers = seen,
    body = stream:get_body_as_string(10),
  })
end

function pages.same(stream)
  answer(stream, stream:get_body_as_string(10))
end

function pages.status(stream, status)
  answer(stream, "status " .. status, status)
end

local kept, counts = {}, {}

function pages.keep(stream, name)
  kept[name] = { body = stream:get_body_as_string(10), status = 200 }
  answer(stream, "kept")
end

function pages.fail(stream, name)
  kept[name].status = 500
  answer(stream, "it will")
end

function pages.kept(stream, name)
  counts[name] = (counts[name] or 0) + 1
  answer(stream, kept[name].body, kept[name].status)
end

function pages.count(stream, name)
  answer(stream, tostring(counts[name] or 0))
end

function pages.headers(stream)
  answer(stream, "", 200, {
    { "x-one", "a" }, { "X-One", "b" }, { "x-empty", "" },
    { "set-cookie", "a=1, 2" }, { "set-cookie", "b=3" },
  })
end

function pages.lines(stream, count)
  local lines = {}
  for i = 1, tonumber(count) do
    lines[i] = { "a", "b" }
  end
  answer(stream, "", 200, lines)
end

function pages.bytes(stream, count)
  answer(stream, ("x"):rep(tonumber(count)))
end

function pages.redirect(stream, url)
  answer(stream, "over there", 302, { { "location", url } })
end

function pages.hold(stream, name)
  held[name] = true
  changed:signal()
  wait_for(function() return released[name] end)
  answer(stream, "released")
end

function pages.held(stream, name)
  wait_for(function() return held[name] end)
  answer(stream, "held")
end

function pages.release(stream, name)
  released[name] = true
  changed:signal()
  answer(stream, "done")
end

function pages.gather(stream, count)
  gathered = gathered + 1
  changed:signal()
  wait_for(function() return gathered >= tonumber(count) end)
  answer(stream, tostring(gathered))
end

function pages.gathered(stream, count)
  wait_for(function() return gathered >= tonumber(count) end)
  answer(stream, "gathered")
end

local function on_stream(_, stream)
  local headers = assert(stream:get_headers(10))
  local name, rest = headers:get(":path"):match "^/(%w+)/?(.*)$"
  if pages[name] then
    pages[name](stream, rest, headers)
  else
    answer(stream, "nothing here", 404)
  end
  stream:shutdown()
end

local function slurp(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local opts = {
  host = arg[1] and "localhost" or "127.0.0.1",
  port = 0,
  tls = arg[1] ~= nil,
  onstream = on_stream,
  onerror = function() end, -- clients that hang up are part of the game
}
if arg[1] then
  opts.ctx = http_tls.new_server_context()
  opts.ctx:setCertificate(x509.new(slurp(arg[1]), "PEM"))
  opts.ctx:setPrivateKey(pkey.new(slurp(arg[2]), "PEM"))
end

local server = assert(http_server.listen(opts))
assert(server:listen(10))
print(select(3, server:localname()))
io.stdout:flush()
assert(server:loop())
