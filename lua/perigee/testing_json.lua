-- SPDX-License-Identifier: MIT
-- JSON for the test kit. It is exact, and strict with what it is asked to
-- write: so a slip of a spec is found in the spec, and not in what a server
-- makes of it.

-- Debian has these pure Lua modules for 5.1 to 5.3 only; they run on 5.4.
for _, version in ipairs { "5.3", "5.2", "5.1" } do
  package.path = package.path .. (";/usr/share/lua/%s/?.lua"):format(version)
end

local dkjson = require "dkjson"

-- Returns whether the keys are 1 to n; or nil, and what is wrong with them.
local function is_list(value)
  local meta, count, named = getmetatable(value), 0, 0
  for key in next, value do
    count = count + 1
    named = named + (type(key) == "string" and 1 or 0)
  end
  if named == count and not (meta and meta.__jsontype == "array") then
    return false
  end
  for i = 1, count do
    if rawget(value, i) == nil then
      return nil, "its keys are neither all strings nor 1 to n"
    end
  end
  return true
end

-- dkjson writes floats with 14 digits, so that 0.1 + 0.2 would change.
local function write_number(value)
  if math.type(value) == "integer" then
    return tostring(value)
  elseif value ~= value or value == math.huge or value == -math.huge then
    return nil, ("%s is no number of JSON"):format(value)
  end
  local text
  for digits = 15, 17 do
    text = ("%%.%dg"):format(digits):format(value)
    if tonumber(text) == value then break end
  end
  return text:find "[.e]" and text or text .. ".0"
end

local function write_text(value)
  if not utf8.len(value) then
    return nil, "a string that is not UTF-8"
  end
  return dkjson.quotestring(value)
end

local writers = { number = write_number, string = write_text }
local write

-- `above` has, as keys, the tables that this one is in.
local function write_table(value, path, above)
  local list, wrong = is_list(value)
  local parts = {}
  if list == nil or above[value] then
    return nil, ("%s: %s"):format(path, wrong or "a table inside itself")
  end
  above[value] = true
  for key, item in next, value do
    if not list and not utf8.len(key) then
      return nil, path .. ": a name that is not UTF-8"
    end
    local place = list and ("%s[%d]"):format(path, key) or path .. "." .. key
    local text, problem = write(item, place, above)
    if not text then
      return nil, problem
    elseif list then
      parts[key] = text
    else
      parts[#parts + 1] = dkjson.quotestring(key) .. ":" .. text
    end
  end
  above[value] = nil
  if list then
    return "[" .. table.concat(parts, ",") .. "]"
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

-- Returns the JSON text; or nil, and what is wrong, and where.
function write(value, path, above)
  if value == nil or value == dkjson.null then
    return "null"
  elseif type(value) == "boolean" then
    return tostring(value)
  elseif type(value) == "table" then
    return write_table(value, path, above)
  elseif not writers[type(value)] then
    return nil, ("%s: a %s is no JSON"):format(path, type(value))
  end
  local text, problem = writers[type(value)](value)
  return text, problem and ("%s: %s"):format(path, problem)
end

-- Returns the JSON text. A value that a server would refuse to read raises, in
-- the function `level` above the caller; `name` is what the error calls the
-- value.
local function encode(value, level, name)
  local text, problem = write(value, name or "value", {})
  return text or error(problem, (level or 0) + 2)
end

-- For messages about what came or was wanted: shows any value.
local function show(value)
  return write(value, "", {}) or tostring(value)
end

-- Integers stay integers, null becomes dkjson.null, [] differs from {}.
local function decode(text)
  local value, _, problem = dkjson.decode(text, 1, dkjson.null)
  if problem then
    error(("%s in %s"):format(problem, text), 2)
  end
  return value
end

return { decode = decode, encode = encode, null = dkjson.null, show = show }
