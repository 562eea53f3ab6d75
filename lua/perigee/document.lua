-- SPDX-License-Identifier: MIT
-- The document of script/interface.h, for our tools: read, sorted, put into
-- words.

local json = require "perigee.json"

local document = { json = json }

-- Returns the sections, each a table of schemas by message type; or nil, and
-- what is wrong.
function document.read(text, name)
  local all, _, problem = json.decode(text)
  local defs = type(all) == "table" and all["$defs"]
  if not all then
    return nil, ("%s: %s"):format(name, problem)
  elseif type(defs) ~= "table" or all["x-perigee"] ~= 1 then
    return nil, ("%s is not what `perigee describe --format=json-schema` prints")
      :format(name)
  end
  local sections = {}
  for _, section in ipairs { "requests", "replies", "pushes", "calls",
    "answers" } do
    local found = type(defs[section]) == "table" and defs[section].properties
    sections[section] = type(found) == "table" and found or {}
  end
  return sections
end

function document.sorted(map)
  local keys = {}
  for key in pairs(map or {}) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

-- Returns the type of a schema ("any" if it has none), and whether it may be
-- null.
function document.kind(schema)
  local kind = schema.type
  if type(kind) == "table" then
    return kind[1], true
  end
  return kind or "any", kind == "null" or kind == nil
end

function document.is_required(schema, name)
  for _, required in ipairs(schema.required or {}) do
    if required == name then
      return true
    end
  end
  return false
end

local function number(value)
  return math.type(value) == "integer" and ("%d"):format(value)
    or ("%.14g"):format(value)
end

local units = { string = { "Length", " characters" }, array = { "Items", " items" } }

-- Puts the limits of a schema into words: "1 to 20 characters", "at least 0".
-- Returns nil if it has none.
function document.limits(schema)
  local unit = units[document.kind(schema)]
  local low = schema[unit and "min" .. unit[1] or "minimum"]
  local high = schema[unit and "max" .. unit[1] or "maximum"]
  local words, suffix = {}, unit and unit[2] or ""
  if low and high then
    words[1] = ("%s to %s"):format(number(low), number(high))
  elseif low or high then
    words[1] = (low and "at least " or "at most ") .. number(low or high)
  end
  for key, sign in pairs { exclusiveMinimum = "more than ",
    exclusiveMaximum = "less than " } do
    if schema[key] then
      words[#words + 1] = sign .. number(schema[key])
    end
  end
  table.sort(words)
  return words[1] and table.concat(words, ", ") .. suffix
end

local function write(out, value, indent)
  if type(value) ~= "table" then
    out[#out + 1] = json.encode(value)
    return
  end
  local inner, is_list = indent .. "  ", #value > 0
  local keys = is_list and value or document.sorted(value)
  if #keys == 0 then
    out[#out + 1] = json.encode(value)
    return
  end
  out[#out + 1] = is_list and "[" or "{"
  for i, key in ipairs(keys) do
    out[#out + 1] = (i > 1 and "," or "") .. "\n" .. inner
      .. (is_list and "" or json.encode(key) .. ": ")
    write(out, is_list and key or value[key], inner)
  end
  out[#out + 1] = "\n" .. indent .. (is_list and "]" or "}")
end

-- JSON whose keys are sorted, with two blanks to a level: a text that can be
-- kept, and whose changes can be read.
function document.pretty(value)
  local out = {}
  write(out, value, "")
  return table.concat(out) .. "\n"
end

return document
