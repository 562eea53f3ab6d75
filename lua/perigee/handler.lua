-- SPDX-License-Identifier: MIT
-- What a script may return: which keys, and what may stand behind them.

local hooks = {
  ["@token"] = true, ["@auth"] = true, ["@connect"] = true,
  ["@disconnect"] = true, ["@join"] = true, ["@leave"] = true,
  ["@message"] = true, ["@start"] = true, ["@stop"] = true,
}

-- Types of the protocol itself.
local reserved = {
  auth = true, auth_ok = true, auth_error = true, ping = true, pong = true,
  join = true, leave = true, reply = true, error = true, goodbye = true,
  presence = true, resync = true, history = true,
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
    return ("'%s' is not a hook; there are %s"):format(key, list_hooks())
  end
  if type(value) ~= "function" then
    return ("hook '%s' must be a function, not a %s"):format(key, type(value))
  end
end

local function check_handler(key, value)
  if reserved[key] or key:find("^%$") then
    return ("message type '%s' is reserved for the protocol"):format(key)
  end
  if #key > 64 or not key:find("^[%w_.:-]+$") then
    return ("message type '%s' is not 1 to 64 of A-Z a-z 0-9 _ . : -")
      :format(key)
  end
  if type(value) ~= "function" then
    return ("handler '%s' must be a function, not a %s")
      :format(key, type(value))
  end
end

-- Whether a script may return `key = value`; nil, or what is wrong.
local function check(key, value)
  if type(key) ~= "string" then
    return ("key %s: handlers are keyed by message type, a string")
      :format(tostring(key))
  end
  if key:sub(1, 1) == "@" then
    return check_hook(key, value)
  end
  return check_handler(key, value)
end

return { check = check }
