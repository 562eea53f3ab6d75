-- SPDX-License-Identifier: MIT
-- How `perigee fuzz` asks handlers of HTTP: those with a path at the port of
-- clients, those of backends at the API.

local http = require "http.client"
local new_headers = require "http.headers".new
local json = require "perigee.testing_json"
local t = require "perigee.testing"
local values = require "perigee.fuzz_values"
local web_path = require "perigee.web_path"

local PART = 100 -- characters of a text in a request, at most
local PATH = 1000 -- bytes of a path: see src/edge/web_route.h
local TRIES = 10 -- to find a path that is for this handler only
local KEYS = 16 -- of the API
local BROKEN = 25 -- of a hundred bodies that do not fit are no JSON at all

-- These say what a message is, or who sends it.
local kept = { host = true, connection = true, expect = true, te = true,
  upgrade = true, trailer = true, ["content-length"] = true,
  ["transfer-encoding"] = true, ["x-forwarded-for"] = true }

local Requests = {}
Requests.__index = Requests

-- The key of an API, of which there are several: rates are those of a key.
local function key_of(number)
  return ("perigee-fuzz-key-%02d-of-more-than-32-bytes"):format(number % KEYS)
end

-- Options of the server: requests come from ever other clients, as a proxy says.
function Requests.options()
  local keys = {}
  for i = 1, KEYS do
    keys[i] = ("fuzz%d:call:%s"):format(i, key_of(i))
  end
  return { ["api.keys"] = table.concat(keys, ","), ["proxy.trusted"] = "127.0.0.1",
    ["proxy.header"] = "x-forwarded-for" }
end

-- `asked` has server, values, words, query, headers, and kinds, the names of all
-- such handlers.
function Requests.new(asked)
  local self = setmetatable({ asked = asked, clients = 0, query = {},
    headers = {} }, Requests)
  for _, word in ipairs(asked.headers) do
    local name = word:lower()
    if name:find "^[%w-]+$" and not kept[name] then
      table.insert(self.headers, name)
    end
  end
  return self
end

function Requests:open()
  self.clients = self.clients + 1
end

function Requests:close()
  if self.connection then
    self.connection:close()
    self.connection = nil
  end
end

-- --- a path -----------------------------------------------------------------

local function escape(text)
  return (text:gsub("[^%w%-._~]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

-- A text that may be a part of a path.
function Requests:part()
  local text = self.asked.values:text(PART):gsub("[%c/]", "-")
  return (text == "" or text == "." or text == "..") and "x" or text
end

-- Whether this path is for that handler: as a pattern of Lua.
local function fits(pattern, path)
  local escaped = pattern:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0")
  return path:find("^" .. escaped:gsub("/%%%*$", "/.*"):gsub("/:[^/]+", "/[^/]+")
    .. "$") ~= nil
end

-- Of the handlers that a path fits, the one whose rank is the least has it: see
-- src/script/web_paths.c.
local function rank(pattern)
  if pattern:find "/%*$" then
    return ("3%03d"):format(999 - #pattern)
  end
  return (pattern:gsub("/[^/]*", function(part)
    return part:sub(2, 2) == ":" and "2" or "1"
  end))
end

function Requests:is_of_another(kind, path)
  local method, own = web_path.read(kind)
  for _, other in ipairs(self.asked.kinds) do
    local its_method, its = web_path.read(other)
    if its_method == method and fits(its, path) and rank(its) < rank(own) then
      return true
    end
  end
  return false
end

-- A path for a handler, as it is sent; nil if none was found that is for no
-- other.
function Requests:path(kind)
  local _, pattern = web_path.read(kind)
  for _ = 1, TRIES do
    local path = web_path.fill(pattern, function(name)
      local part = self:part()
      return name == "*" and self.asked.values:chance(50)
        and part .. "/" .. self:part() or part
    end)
    local sent = path:gsub("[^/]+", escape)
    if #sent <= PATH and not self:is_of_another(kind, path) then
      return sent
    end
  end
end

-- --- a request --------------------------------------------------------------

function Requests:query_text()
  local parts, from = {}, self.asked.values
  for _, name in ipairs(self.asked.query) do
    if from:chance(60) then
      local text = from:text(PART):gsub("\0", "-") -- no target may have it
      parts[#parts + 1] = escape(name) .. "=" .. escape(text)
    end
  end
  return parts[1] and "?" .. table.concat(parts, "&") or ""
end

-- Headers that the scripts look at.
function Requests:own_headers()
  local headers, from = {}, self.asked.values
  for _, name in ipairs(self.headers) do
    if from:chance(60) then
      headers[name] = from:text(PART):gsub("%c", " "):match "^%s*(.-)%s*$"
    end
  end
  return headers
end

-- A text that is no JSON, from one that is.
function Requests:spoil(text)
  return self.asked.values:pick { "{" .. text, text .. "}", text .. ",",
    "\255" .. text }
end

local function has_schema(schema)
  return schema.type ~= nil or schema.enum ~= nil or not schema["x-optional"]
end

-- The body of plain HTTP: nil, or a text. Without a schema it may be any.
function Requests:body(method, schema, data, is_wrong)
  local from = self.asked.values
  if has_schema(schema) then
    local text = data ~= values.absent and json.encode(data) or nil
    return is_wrong and from:chance(BROKEN) and self:spoil(text or "") or text
  elseif web_path.has_body(method) and data ~= values.absent then
    return from:chance(50) and json.encode(data) or from:text(PART)
  end
end

local function describe_request(request)
  local names = {}
  for name, value in pairs(request.headers) do
    names[#names + 1] = (" %s:%s"):format(name, json.encode(value))
  end
  table.sort(names)
  return ("%s %s%s %s"):format(request.method, request.path,
    table.concat(names), request.body or "")
end

local function call_of_backend(kind, data)
  local body = { user = "fuzz" }
  if data ~= values.absent then
    body.data = data
  end
  return { is_call = true, method = "POST", path = "/api/v1/call/" .. escape(kind),
    headers = {}, body = json.encode(body) }
end

-- Returns a request, whose `text` is what is shown of it; nil: there is none for
-- this handler only.
function Requests:make(key, data, is_wrong, schema)
  local kind = key:match "^@http (.*)$"
  local method = web_path.read(kind)
  if not method then
    local request = call_of_backend(kind, data)
    request.text = describe_request(request)
    return request
  end
  local path = self:path(kind)
  if not path then
    return nil
  end
  local request = { method = method, path = path .. self:query_text(),
    headers = self:own_headers(), body = self:body(method, schema, data, is_wrong) }
  request.text = describe_request(request)
  return request
end

-- --- on its way -------------------------------------------------------------

local function head_of(self, request)
  local head = new_headers()
  head:append(":method", request.method)
  head:append(":scheme", "http")
  head:append(":authority", "localhost")
  head:append(":path", request.path)
  for name, value in pairs(request.headers) do
    head:append(name, value)
  end
  if request.body then
    head:append("content-length", tostring(#request.body))
  end
  if request.is_call then
    head:append("authorization", "Bearer " .. key_of(self.clients))
  else
    head:append("x-forwarded-for", ("10.%d.%d.%d"):format(self.clients >> 16 & 255,
      self.clients >> 8 & 255, self.clients & 255))
  end
  return head
end

-- The connection stays, as long as requests go to the same address.
function Requests:connect(address)
  if self.connection and self.address == address then
    return
  end
  self:close()
  self.connection = assert(http.connect({ host = "127.0.0.1",
    port = tonumber(address:match "%d+$"), tls = false, version = 1.1 }, t.timeout))
  self.address = address
end

local function ask(self, request)
  local server = self.asked.server
  self:connect(request.is_call and server.admin or server.url)
  local stream = assert(self.connection:new_stream())
  assert(stream:write_headers(head_of(self, request), not request.body, t.timeout))
  if request.body then
    assert(stream:write_body_from_string(request.body, t.timeout))
  end
  local head = assert(stream:get_headers(t.timeout))
  local body = assert(stream:get_body_as_string(t.timeout))
  if head:get "connection" == "close" then
    self:close()
  end
  return head:get "content-type" == "application/problem+json"
    and json.decode(body) or {}
end

-- As Messages.exchange.
function Requests:exchange(request)
  local ok, problem = pcall(ask, self, request)
  if not ok then
    self:close()
    return nil, tostring(problem)
  end
  return { code = problem.code, text = problem.detail, ref = problem.ref }
end

return Requests
