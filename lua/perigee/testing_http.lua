-- SPDX-License-Identifier: MIT
-- One request of plain HTTP, for handlers ["@http METHOD /path"].

local json = require "perigee.testing_json"
local request = require "http.request"

-- Headers of an answer by their names in lower case; of one that comes more
-- than once, such as Set-Cookie, the values are in one text, a line for each.
local function read_headers(headers)
  local found = {}
  for name, value in headers:each() do
    found[name] = found[name] and found[name] .. "\n" .. value or value
  end
  local status = tonumber(found[":status"])
  found[":status"] = nil
  return status, found
end

local function is_json(headers)
  local kind = headers["content-type"] or ""
  return kind:find "^application/[%w.+-]*json" ~= nil
    and not headers["content-encoding"]
end

local function escape(text)
  return (tostring(text):gsub("[^%w%-._~]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

local function add_query(path, query)
  local parts = {}
  for name, value in pairs(query or {}) do
    parts[#parts + 1] = escape(name) .. "=" .. escape(value)
  end
  if #parts == 0 then
    return path
  end
  table.sort(parts)
  return path .. (path:find "?" and "&" or "?") .. table.concat(parts, "&")
end

local function build(url, opts)
  local asked = request.new_from_uri(url .. add_query(opts.path or "/", opts.query))
  local body = opts.body
  asked.version, asked.follow_redirects = 1.1, false
  if opts.json ~= nil then
    body = json.encode(opts.json)
    asked.headers:upsert("content-type", "application/json")
  end
  asked.headers:upsert(":method", opts.method or (body and "POST" or "GET"))
  for name, value in pairs(opts.headers or {}) do
    asked.headers:upsert(name:lower(), tostring(value))
  end
  if body then
    asked:set_body(body)
    asked.headers:delete "expect" -- of lua-http's own accord, for large bodies
  end
  return asked
end

-- Asks the server at `url`, and returns its answer: `status`, `headers`,
-- `body`, and `data` if the body is JSON. Returns nil and the reason if there
-- is none within `timeout` seconds.
local function ask(url, opts, context, timeout)
  local asked = build(url, opts)
  asked.ctx = context
  local headers, stream = asked:go(timeout)
  if not headers then
    return nil, tostring(stream)
  end
  local answer = {}
  answer.status, answer.headers = read_headers(headers)
  local body, problem = stream:get_body_as_string(timeout)
  stream:shutdown()
  if not body then
    return nil, tostring(problem)
  end
  answer.body = body
  if is_json(answer.headers) and body ~= "" then
    answer.data = json.decode(body)
  end
  return answer
end

return ask
