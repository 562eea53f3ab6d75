-- SPDX-License-Identifier: MIT
-- What scripts say about messages that they push: the `emits` of a declared
-- handler, and ["@emits"] for what hooks and timers send. A table of schemas by
-- message type; beside them, as a list, types that are declared elsewhere.

local check_type = require "perigee.message_type"
local write_schema = require "perigee.schema"

local function read_schema(name, schema)
  local wrong = check_type(name)
  if wrong then
    return nil, wrong
  end
  local text, problem = write_schema(schema)
  return text, problem and ("'%s': %s"):format(name, problem)
end

-- Returns the types, sorted, and the texts of those that have a schema, by
-- type. Or returns nil, nil, and what is wrong.
local function read(from)
  if type(from) ~= "table" then
    return nil, nil, ("it must be a table of schemas by message type, not %s")
      :format(tostring(from))
  end
  local names, texts = {}, {}
  for key, value in pairs(from) do
    local wrong
    if math.type(key) == "integer" and type(value) == "string" then
      names[#names + 1], wrong = value, check_type(value)
    elseif type(key) == "string" then
      names[#names + 1] = key
      texts[key], wrong = read_schema(key, value)
    else
      wrong = ("a message type is a text, not %s"):format(tostring(key))
    end
    if wrong then
      return nil, nil, wrong
    end
  end
  table.sort(names)
  return names, texts
end

return { read = read }
