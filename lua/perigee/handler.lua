-- SPDX-License-Identifier: MIT
-- What a script may return: which keys, and which values they may have.

local declaration = require "perigee.declaration"
local hooks = require "perigee.hooks" -- by key
local rooms = require "perigee.rooms"

-- Types of the protocol itself.
local reserved = {
  auth = true, auth_ok = true, auth_error = true, ping = true, pong = true,
  join = true, leave = true, reply = true, error = true, goodbye = true,
  joined = true, left = true, presence = true, resync = true, history = true,
}

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
    return ("'%s' is not a hook; there are %s, and @rooms")
      :format(key, list_hooks())
  end
  if type(value) ~= "function" then
    return ("hook '%s' must be a function, not a %s"):format(key, type(value))
  end
end

local function check_type(key)
  if reserved[key] or key:find("^%$") then
    return ("message type '%s' is reserved for the protocol"):format(key)
  end
  if #key > 64 or not key:find("^[%w_.:-]+$") then
    return ("message type '%s' is not 1 to 64 of A-Z a-z 0-9 _ . : -")
      :format(key)
  end
end

-- `kind` is the type in the key of a handler for backends, "@http TYPE".
local function read_handler(key, value, kind)
  local wrong = check_type(kind or key)
  if wrong or type(value) == "function" then
    return not wrong and value, wrong
  end
  if type(value) ~= "table" then
    return nil, ("handler '%s' must be a function or { handler = function …, "
      .. "rate = …, schema = … }, not a %s"):format(key, type(value))
  end
  local result, problem = declaration.read(value)
  return result, problem and ("handler '%s': %s"):format(key, problem)
end

-- Reads `key = value` of a script. Returns what to keep of it: a function, or
-- the table that declaration.read or rooms.read returns. Or returns nil, and what is wrong.
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
  elseif key:sub(1, 1) == "@" then
    local wrong = check_hook(key, value)
    return not wrong and value, wrong
  end
  return read_handler(key, value)
end

return { read = read }
