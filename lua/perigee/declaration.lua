-- SPDX-License-Identifier: MIT
-- A handler with conditions, and what it promises: { handler = …, rate = …,
-- burst = …, schema = …, timeout = …, view = …, reply = …, emits = …, doc = … }.
-- This file checks one, and brings it into the form that C keeps.

local emits = require "perigee.emits"
local suggest = require "perigee.suggest"
local write_schema = require "perigee.schema"

local keys = { "burst", "doc", "emits", "handler", "rate", "reply", "schema",
  "timeout", "view" }
local seconds = { s = 1, m = 60, h = 3600 }
local DAY = 24 * 3600
local DOC_BYTES = 200

local function show(value)
  return type(value) == "string" and ("'%s'"):format(value) or tostring(value)
end

local function is_key(key)
  for _, name in ipairs(keys) do
    if name == key then
      return true
    end
  end
  return false
end

local function check_keys(declaration)
  for key in pairs(declaration) do
    if not is_key(key) then
      local near = type(key) == "string" and suggest(key, keys)
      return ("unknown key %s%s; there are %s"):format(show(key),
        near and (", did you mean '%s'?"):format(near) or "",
        table.concat(keys, " "))
    end
  end
  if type(declaration.handler) ~= "function" then
    return ("handler must be a function, not a %s")
      :format(type(declaration.handler))
  end
end

-- Reads "5/s", "30/m" or "0.5/h". Returns the messages a second; or nil, and
-- what is wrong.
local function read_rate(text)
  local count, unit = tostring(text):match "^(%d+%.?%d*)/([smh])$"
  local rate = count and tonumber(count) / seconds[unit]
  if type(text) ~= "string" or not rate or rate <= 0 or rate > 1e9 then
    return nil, ("rate must be a text like '5/s', '30/m' or '0.5/h', not %s")
      :format(show(text))
  end
  return rate
end

local function read_burst(burst, rate)
  if burst == nil then
    return rate and math.max(1, math.ceil(rate))
  elseif math.type(burst) ~= "integer" or burst < 1 or burst > 1000000000 then
    return nil, ("burst must be a whole number of at least 1, not %s")
      :format(show(burst))
  elseif not rate then
    return nil, "burst needs a rate beside it, like rate = '5/s'"
  end
  return burst
end

local function read_timeout(timeout)
  if type(timeout) ~= "number" or not (timeout > 0 and timeout <= DAY) then
    return nil, ("timeout must be seconds, more than 0 and at most 86400, "
      .. "not %s"):format(show(timeout))
  end
  return math.ceil(timeout * 1000)
end

-- What `key` of a declaration says of data, as a text.
local function read_schema(declaration, key)
  if declaration[key] ~= nil then
    local text, wrong = write_schema(declaration[key])
    return text, wrong and ("%s: %s"):format(key, wrong)
  end
end

-- Only data that comes with a message is one text, which can be read in place.
local function read_view(view, is_message)
  if view ~= nil and type(view) ~= "boolean" then
    return nil, ("view must be true or false, not %s"):format(show(view))
  elseif view and not is_message then
    return nil, "view is for messages of clients, not for '@http'"
  end
  return view
end

local function read_doc(doc)
  if doc == nil then
    return nil
  elseif type(doc) ~= "string" or doc == "" or #doc > DOC_BYTES
    or doc:find "%c" or not utf8.len(doc) then
    return nil, ("doc must be one line of text, of at most %d bytes, not %s")
      :format(DOC_BYTES, show(doc))
  end
  return doc
end

-- What limits a message: rate, burst and timeout.
local function read_limits(result, declaration)
  local wrong
  if declaration.rate ~= nil then
    result.rate, wrong = read_rate(declaration.rate)
  end
  if not wrong then
    result.burst, wrong = read_burst(declaration.burst, result.rate)
  end
  if not wrong and declaration.timeout ~= nil then
    result.timeout_ms, wrong = read_timeout(declaration.timeout)
  end
  return wrong
end

-- What is said of the data that comes and goes.
local function read_data(result, declaration, is_message)
  local wrong
  result.view, wrong = read_view(declaration.view, is_message)
  if wrong then
    return wrong
  end
  for _, key in ipairs { "schema", "reply" } do
    result[key], wrong = read_schema(declaration, key)
    if wrong then
      return wrong
    end
  end
  result.doc, wrong = read_doc(declaration.doc)
  if not wrong and declaration.emits ~= nil then
    result.emits, result.pushes, wrong = emits.read(declaration.emits)
    wrong = wrong and "emits: " .. wrong
  end
  return wrong
end

-- Returns { handler, rate (a second), burst, schema and reply (texts),
-- timeout_ms, view, doc, emits (names), pushes (texts by name) }; all but the
-- first are there only if they were given. Or returns nil, and what is wrong.
-- `is_message`: of clients, not a key for HTTP.
local function read(declaration, is_message)
  local result = { handler = declaration.handler }
  local wrong = check_keys(declaration) or read_limits(result, declaration)
    or read_data(result, declaration, is_message)
  if wrong then
    return nil, wrong
  end
  return result
end

return { read = read }
