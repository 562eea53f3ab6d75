-- SPDX-License-Identifier: MIT
-- What scripts declare about rooms: ["@rooms"] = { name = rule, … }. This file
-- checks one such table, and brings each rule into the form that C keeps.

local suggest = require "perigee.suggest"

local NAME_BYTES = 128
local SECONDS_MAX = 10 * 365 * 24 * 3600
local MESSAGES_MAX = 1000000
local BYTES_MAX = 1 << 40
local BYTES = 1 << 20 -- if nothing else is said

local rule_keys = { "bytes", "history", "latest", "messages", "presence",
  "resync", "seconds" }
local bound_keys = { "bytes", "messages", "seconds" }
local history_keys = { "bytes", "messages", "seconds", "when_down" }

local function show(value)
  return type(value) == "string" and ("'%s'"):format(value) or tostring(value)
end

-- Says what is wrong with the keys of a table, if anything is.
local function check_keys(map, keys)
  for key in pairs(map) do
    local known = false
    for _, name in ipairs(keys) do
      known = known or name == key
    end
    if not known then
      local near = type(key) == "string" and suggest(key, keys)
      return ("unknown key %s%s; there are %s"):format(show(key),
        near and (", did you mean '%s'?"):format(near) or "",
        table.concat(keys, " "))
    end
  end
end

local function check_whole(name, value, max)
  if value ~= nil and not (math.type(value) == "integer" and value >= 1
    and value <= max) then
    return ("%s must be a whole number from 1 to %d, not %s")
      :format(name, max, show(value))
  end
end

-- Bounds of what is kept, of a table that has them.
local function check_bounds(from)
  local seconds = from.seconds
  if seconds ~= nil and not (type(seconds) == "number" and seconds > 0
    and seconds <= SECONDS_MAX) then
    return ("seconds must be a number of more than 0 and at most %d, not %s")
      :format(SECONDS_MAX, show(seconds))
  end
  return check_whole("messages", from.messages, MESSAGES_MAX)
    or check_whole("bytes", from.bytes, BYTES_MAX)
end

local function keep_bounds(result, from)
  result.numbered = true
  result.messages = from.messages -- nil: any number
  result.keep_ms = from.seconds and math.ceil(from.seconds * 1000)
  result.bytes = from.bytes or BYTES
end

local function check_history(history)
  if type(history) ~= "table" then
    return ("history must be a table like { messages = 100, seconds = 3600 }, "
      .. "not %s"):format(show(history))
  end
  local wrong = check_keys(history, history_keys) or check_bounds(history)
  local when_down = history.when_down
  if not wrong and when_down ~= nil and when_down ~= "local"
    and when_down ~= "refuse" then
    wrong = ("when_down must be \"local\" or \"refuse\", not %s")
      :format(show(when_down))
  end
  if not wrong and not (history.messages or history.seconds) then
    wrong = "it needs messages or seconds"
  end
  return wrong and "history: " .. wrong
end

-- `messages`, `seconds` and `bytes` beside `latest` are those of its values.
local function check_latest(rule)
  local wrong = check_bounds(rule)
  if wrong then
    return wrong
  end
  for _, key in ipairs(bound_keys) do
    if rule[key] ~= nil and not rule.latest then
      return ("%s belongs into history = { … }, or beside latest = true")
        :format(key)
    elseif rule[key] ~= nil and rule.history ~= nil then
      return ("%s stands in history or beside it, not in both"):format(key)
    end
  end
end

local function check_flags(rule)
  for _, key in ipairs { "latest", "resync" } do
    if rule[key] ~= nil and type(rule[key]) ~= "boolean" then
      return ("%s must be true or false, not %s"):format(key, show(rule[key]))
    end
  end
  local presence = rule.presence
  if presence ~= nil and type(presence) ~= "boolean" and presence ~= "count"
  then
    return ("presence must be true, \"count\" or false, not %s")
      :format(show(presence))
  end
end

local function check_rule(rule)
  if type(rule) ~= "table" then
    return ("a rule is a table like { history = { messages = 100 } }, not %s")
      :format(show(rule))
  end
  local wrong = check_keys(rule, rule_keys) or check_flags(rule)
  if not wrong and rule.history ~= nil then
    wrong = check_history(rule.history)
  end
  return wrong or check_latest(rule)
end

local function check_name(name)
  if type(name) ~= "string" then
    return ("a room's name is a text, not %s"):format(show(name))
  elseif name == "" or #name > NAME_BYTES or name:find "%c" or name:find "\127"
  then
    return ("a room's name has 1 to %d bytes, and no control characters: %q")
      :format(NAME_BYTES, name)
  elseif name:find("*", 1, true) and name:find("*", 1, true) < #name then
    return ("'%s': a * stands at the end only"):format(name)
  end
end

local function read_rule(rule)
  local result = {
    numbered = rule.resync or false,
    latest = rule.latest or false,
    resync = rule.resync or false,
    presence = rule.presence == "count" and "count" or rule.presence == true,
    keeps = rule.latest or rule.history ~= nil,
    local_when_down = rule.history ~= nil and rule.history.when_down == "local",
  }
  if result.keeps then
    keep_bounds(result, rule.history or rule)
  end
  return result
end

-- Returns the rules by name, each as { numbered, latest, resync, presence (true,
-- false or "count"), keeps, local_when_down, messages (nil: any number), keep_ms
-- (nil: forever), bytes }. Or returns nil, and what is wrong.
local function read(rooms)
  if type(rooms) ~= "table" then
    return nil, ("it must be a table of rules by room, not %s")
      :format(show(rooms))
  end
  local result = {}
  for name, rule in pairs(rooms) do
    local wrong = check_name(name)
    if wrong then
      return nil, wrong
    end
    wrong = check_rule(rule)
    if wrong then
      return nil, ("room '%s': %s"):format(name, wrong)
    end
    result[name] = read_rule(rule)
  end
  return result
end

return { read = read }
