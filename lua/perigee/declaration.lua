-- SPDX-License-Identifier: MIT
-- A handler with conditions: { handler = …, rate = …, burst = …, schema = …,
-- timeout = … }. This file checks one, and brings it into the form that C
-- keeps.

local suggest = require "perigee.suggest"

local keys = { "burst", "handler", "rate", "schema", "timeout" }
local seconds = { s = 1, m = 60, h = 3600 }
local DEPTH = 32 -- of tables in a schema; so one that contains itself ends
local DAY = 24 * 3600

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

local function sorted_names(schema)
  local names = {}
  for name in pairs(schema) do
    if type(name) ~= "string" then
      return nil, ("a field's name is a text, not %s; "
        .. "{ type } alone is an array"):format(tostring(name))
    elseif name:find '[%c"\\]' then
      return nil, ("a field's name has no quotes, backslashes or control "
        .. "characters: %q"):format(name)
    end
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local write_schema

local function write_array(schema, path, depth)
  if next(schema, next(schema)) ~= nil then
    return nil, path .. ": an array is { type }, with one type for all items"
  end
  local item, wrong = write_schema(schema[1], path, depth)
  return item and item .. "[]", wrong
end

local function write_object(schema, path, depth)
  local names, problem = sorted_names(schema)
  if not names then
    return nil, ("%s: %s"):format(path, problem)
  end
  local parts = {}
  for i, name in ipairs(names) do
    local text, wrong = "false", nil
    if name ~= "*" or schema[name] ~= false then
      text, wrong = write_schema(schema[name], path .. "." .. name, depth)
    end
    if not text then
      return nil, wrong
    end
    parts[i] = name == "*" and "*: " .. text
      or ('"%s": %s'):format(name, text)
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- Writes a schema of tables and texts as one text, in the language of
-- src/script/schema.h. A text in it must be one whole type: so it goes in
-- parentheses.
function write_schema(schema, path, depth)
  if type(schema) == "string" then
    return "(" .. schema .. ")"
  elseif type(schema) ~= "table" then
    return nil, ("%s: a type is a text or a table, not %s")
      :format(path, tostring(schema))
  elseif depth >= DEPTH then
    return nil, path .. ": more than 32 tables are inside of each other"
  elseif schema[1] ~= nil then
    return write_array(schema, path, depth + 1)
  end
  return write_object(schema, path, depth + 1)
end

-- Returns { handler, rate (a second), burst, schema (a text), timeout_ms }; all
-- but the first are there only if they were given. Or returns nil, and what is
-- wrong.
local function read(declaration)
  local wrong = check_keys(declaration)
  local result = { handler = declaration.handler }
  if not wrong and declaration.rate ~= nil then
    result.rate, wrong = read_rate(declaration.rate)
  end
  if not wrong then
    result.burst, wrong = read_burst(declaration.burst, result.rate)
  end
  if not wrong and declaration.timeout ~= nil then
    result.timeout_ms, wrong = read_timeout(declaration.timeout)
  end
  if not wrong and declaration.schema ~= nil then
    result.schema, wrong = write_schema(declaration.schema, "data", 0)
    wrong = wrong and "schema: " .. wrong
  end
  if wrong then
    return nil, wrong
  end
  return result
end

return { read = read }
