-- SPDX-License-Identifier: MIT
-- Runs every script of a bundle and collects what they return: all or nothing.

local handler = require "perigee.handler"

-- Several scripts may define a hook: in file-name order, first refusal wins;
-- the result is the first one that is not nil.
local function chain(functions)
  if #functions == 1 then
    return functions[1]
  end
  return function(...)
    local result, second
    for i = 1, #functions do
      local value, code, text = functions[i](...)
      if value == nil and code ~= nil then
        return nil, code, text
      end
      if result == nil then
        result, second = value, code
      end
    end
    return result, second
  end
end

-- `require` of modules in sub-folders reads the same snapshot.
local function bundle_searcher(dir, sources)
  return function(name)
    local path = name:gsub("%.", "/")
    for _, file in ipairs { path .. ".lua", path .. "/init.lua" } do
      if sources[file] then
        local chunk_name = dir .. "/" .. file
        return assert(load(sources[file], "@" .. chunk_name)), chunk_name
      end
    end
    return ("no file '%s/%s.lua'"):format(dir, path)
  end
end

local function run(dir, name, source)
  local path = dir .. "/" .. name
  local chunk, err = load(source, "@" .. path)
  if not chunk then
    error(err, 0)
  end
  local result = chunk()
  if type(result) ~= "table" then
    error(("%s: a script must return a table of handlers, not a %s")
      :format(path, type(result)), 0)
  end
  return result
end

-- In a fixed order, so that the same mistake is reported each time.
local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

-- Takes the handlers of one script into `found`.
local function collect(found, path, script)
  for _, key in ipairs(sorted_keys(script)) do
    local value = script[key]
    local wrong = handler.check(key, value)
    if wrong then
      error(("%s: %s"):format(path, wrong), 0)
    end
    if key:sub(1, 1) == "@" then
      found.hooks[key] = found.hooks[key] or {}
      table.insert(found.hooks[key], value)
    elseif found.handlers[key] then
      error(("%s: message type '%s' has a handler in %s already")
        :format(path, key, found.owner[key]), 0)
    else
      found.handlers[key] = value
      found.owner[key] = path
    end
  end
end

-- dir: the scripts directory; names: all files, sorted; sources: name to text.
-- Returns handlers (type to function) and hooks (key to function), or raises.
local function load_scripts(dir, names, sources)
  local found = { handlers = {}, hooks = {}, owner = {} }
  table.insert(package.searchers, 2, bundle_searcher(dir, sources))
  for _, name in ipairs(names) do
    if not name:find("/", 1, true) then
      collect(found, dir .. "/" .. name, run(dir, name, sources[name]))
    end
  end
  for key, functions in pairs(found.hooks) do
    found.hooks[key] = chain(functions)
  end
  return found.handlers, found.hooks
end

return load_scripts
