-- SPDX-License-Identifier: MIT
-- The program behind spec.support.backend: a backend that hears events. It says
-- its port. Arguments: the secret; a port, 0 for any; a seed, and the file in
-- which what it has taken is written, a line for each request.
--
--   POST /events      takes a batch, or does not:
--   /mode/NAME        how it answers from now on:
--     ok              200
--     status/500/5    that status, and Retry-After: 5
--     stall           it does not answer
--     not/TYPE/500    that status to every batch with an event of that type
--     random          any of these, and sometimes it is gone before it answers
--   /seen             the requests that it has taken so far, as a JSON array
--   /told            is counted; /told/count says how often
--   /batches          how many events each request had, whatever was answered
for _, version in ipairs { "5.3", "5.2", "5.1" } do
  package.path = package.path .. (";/usr/share/lua/%s/?.lua"):format(version)
end

local cqueues = require "cqueues"
local dkjson = require "dkjson"
local hmac = require "openssl.hmac"
local new_headers = require("http.headers").new
local http_server = require "http.server"

local secret, port, seed, ledger = table.unpack(arg)
local mode = "ok"
local seen, batches, told = {}, {}, 0
if tonumber(seed) then
  math.randomseed(tonumber(seed))
  mode = "random"
end
local file = ledger and assert(io.open(ledger, "ab"))

local function answer(stream, status, body, more)
  local headers = new_headers()
  body = body or ""
  headers:append(":status", tostring(status))
  headers:append("content-length", tostring(#body))
  for name, value in pairs(more or {}) do
    headers:append(name, value)
  end
  stream:write_headers(headers, body == "", 10)
  if body ~= "" then
    stream:write_chunk(body, true, 10)
  end
end

local function is_signed(headers, body)
  local text = headers:get "perigee-signature" or ""
  local at, sum = text:match "^t=(%d+),v1=(%x+)$"
  local mac = at and hmac.new(secret, "sha256"):final(at .. "." .. body)
  return mac and sum == mac:gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end) and math.abs(os.time() - tonumber(at)) < 300
end

local function take(body)
  seen[#seen + 1] = body
  if file then
    file:write(body, "\n")
    file:flush()
  end
end

-- Takes what it says it has taken, sometimes without being able to say it.
local function answer_at_random(stream, body)
  local dice = math.random(100)
  if dice <= 60 then
    take(body)
    answer(stream, 200, "thanks")
  elseif dice <= 64 then
    take(body)
    os.exit(1)
  elseif dice <= 68 then
    os.exit(1)
  elseif dice <= 74 then
    take(body)
    stream:shutdown() -- nobody hears that it has
  elseif dice <= 78 then
    cqueues.sleep(math.random() * 0.5)
    take(body)
    answer(stream, 200, "late")
  elseif dice <= 82 then
    answer(stream, 429, "slowly", { ["retry-after"] = "0" })
  elseif dice <= 84 then
    answer(stream, 408, "too slow")
  elseif dice <= 88 then
    answer(stream, 422, "never")
  elseif dice <= 90 then
    cqueues.sleep(3600) -- until somebody kills it
  else
    answer(stream, 500 + math.random(0, 4), "no")
  end
end

local function has_type(batch, type_)
  for _, event in ipairs(batch.events) do
    if event.type == type_ then
      return true
    end
  end
end

local function answer_batch(stream, batch, body)
  local what, first, second = mode:match "^(%a+)/?([^/]*)/?([^/]*)"
  if what == "random" then
    answer_at_random(stream, body)
  elseif what == "stall" then
    while mode == "stall" do
      cqueues.sleep(0.02)
    end
    stream:shutdown()
  elseif what == "status" then
    answer(stream, first, "not now", { ["retry-after"] = second ~= "" and second
      or nil })
  elseif what == "not" and has_type(batch, first) then
    answer(stream, second, "no " .. first)
  else
    take(body)
    answer(stream, 200, "thanks")
  end
end

local function on_events(stream, headers)
  local body = stream:get_body_as_string(10)
  if not body or not is_signed(headers, body) then
    return answer(stream, 401, "who are you?")
  end
  local batch = assert(dkjson.decode(body))
  batches[#batches + 1] = #batch.events
  answer_batch(stream, batch, body)
end

local function on_stream(_, stream)
  local headers = assert(stream:get_headers(10))
  local path = headers:get ":path"
  if path == "/events" then
    on_events(stream, headers)
  elseif path:match "^/mode/" then
    mode = path:match "^/mode/(.*)"
    answer(stream, 200, mode)
  elseif path == "/seen" then
    answer(stream, 200, "[" .. table.concat(seen, ",") .. "]")
  elseif path == "/told" then
    told = told + 1
    answer(stream, 200, tostring(told - 1))
  elseif path == "/told/count" then
    answer(stream, 200, tostring(told))
  elseif path == "/batches" then
    answer(stream, 200, dkjson.encode(batches))
  else
    answer(stream, 404, "nothing here")
  end
  stream:shutdown()
end

local server = assert(http_server.listen {
  host = "127.0.0.1",
  port = tonumber(port or 0),
  tls = false,
  reuseaddr = true,
  onstream = on_stream,
  onerror = function() end, -- clients that hang up are part of the game
})
assert(server:listen(10))
print(select(3, server:localname()))
io.stdout:flush()
assert(server:loop())
