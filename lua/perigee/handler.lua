-- SPDX-License-Identifier: MIT
-- What a script may return: which keys, and which values they may have.

local check_type = require "perigee.message_type"
local declaration = require "perigee.declaration"
local emits = require "perigee.emits"
local hooks = require "perigee.hooks" -- by key
local rooms = require "perigee.rooms"
local check_web = require "perigee.web"

local function list_hooks()
  local names = {}
  for name in pairs(hooks) do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, " ")
end

local function check_hook(key, value)
  if not hooks[key] then
    return ("'%s' is not a hook; there are %s, @emits and @rooms")
      :format(key, list_hooks())
  end
  if type(value) ~= "function" then
    return ("hook '%s' must be a function, not a %s"):format(key, type(value))
  end
end

-- `asked` is what stands behind "@http ": the type of a handler for backends,
-- or method and path of one for everybody.
local function check_name(key, asked)
  local is_web, wrong
  if asked then
    is_web, wrong = check_web(asked)
  end
  if is_web then
    return wrong and ("handler '%s': %s"):format(key, wrong)
  end
  return check_type(asked or key)
end

local function read_handler(key, value, asked)
  local wrong = check_name(key, asked)
  if wrong or type(value) == "function" then
    return not wrong and value, wrong
  end
  if type(value) ~= "table" then
    return nil, ("handler '%s' must be a function or { handler = function …, "
      .. "rate = …, schema = … }, not a %s"):format(key, type(value))
  end
  local result, problem = declaration.read(value, not asked)
  return result, problem and ("handler '%s': %s"):format(key, problem)
end

-- Reads `key = value` of a script. Returns what to keep of it: a function, or
-- the table that declaration.read, rooms.read or emits.read returns. Or returns
-- nil, and what is wrong.
local function read(key, value)
  if type(key) ~= "string" then
    return nil, ("key %s: handlers are keyed by message type, a string")
      :format(tostring(key))
  end
  local asked = key:match "^@http (.*)$"
  if asked then
    return read_handler(key, value, asked)
  elseif key == "@rooms" then
    local rules, wrong = rooms.read(value)
    return rules, wrong and "@rooms: " .. wrong
  elseif key == "@emits" then
    local _, pushes, wrong = emits.read(value)
    return pushes, wrong and "@emits: " .. wrong
  elseif key:sub(1, 1) == "@" then
    local wrong = check_hook(key, value)
    return not wrong and value, wrong
  end
  return read_handler(key, value)
end

return { read = read }
