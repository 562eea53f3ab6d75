-- SPDX-License-Identifier: MIT
-- Schemas as scripts write them, tables and texts, become one text.

local DEPTH = 32 -- of tables in a schema; so one that contains itself ends

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

-- Returns the text; or nil, and what is wrong.
return function(schema)
  return write_schema(schema, "data", 0)
end
