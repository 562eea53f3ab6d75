-- SPDX-License-Identifier: MIT
-- Runs every script of a bundle, and collects what they return: from all of
-- them, or from none.

local core = require "perigee.core"
local handler = require "perigee.handler"
local hooks = require "perigee.hooks"
local check_sendable = require "perigee.sendable"
local place = require "perigee.place"
local suggest = require "perigee.suggest"

local traceback = debug.traceback -- the sandbox takes it from scripts

-- Several scripts may define a hook; they run in file-name order. An entry of
-- `list` is { script = file name, run = function }.

-- Hooks that decide: the first refusal wins, and the first result counts.
local function deciding(list)
  return function(...)
    local result, second
    for i = 1, #list do
      local value, code, text, data = list[i].run(...)
      if value == nil and code ~= nil then
        return nil, code, text, data
      end
      if result == nil then
        result, second = value, code
      end
    end
    return result, second
  end
end

-- Calls `call` with each entry, even if one raises. The first error is raised
-- when all were called.
local function call_all(list, call)
  local problem
  for i = 1, #list do
    local ok, text = xpcall(call, traceback, list[i])
    problem = problem or (not ok and text)
  end
  if problem then
    error(problem, 0)
  end
end

-- Hooks that are told: all of them run.
local function telling(list)
  return function(...)
    local args = table.pack(...)
    call_all(list, function(entry)
      entry.run(table.unpack(args, 1, args.n))
    end)
  end
end

-- Drops values that cannot go to the next load: what one script returned must
-- not cost the others theirs. Called when all have run, as scripts may share
-- tables.
local function keep_sendable(kept)
  for script, value in pairs(kept) do
    local ok, text = pcall(check_sendable, { [script] = value }, "result")
    if not ok then
      kept[script] = nil
      core.log.error(("handler=@stop what %s returned is lost: %s")
        :format(script, text))
    end
  end
end

-- @stop returns what each script wants to hand over, by script. If one raises,
-- the others must not lose theirs: so its error is logged here. At last, what is
-- owned here is handed over (perigee.owner).
local function stopping(list)
  return function()
    local kept = {}
    for i = 1, #list do
      local ok, value = xpcall(list[i].run, traceback)
      if ok then
        kept[list[i].script] = value
      else
        core.log.error("handler=@stop " .. tostring(value))
      end
    end
    keep_sendable(kept)
    if place.hand_over then place.hand_over() end
    return kept
  end
end

-- @start: each script gets what the script of the same name has handed over.
local function starting(list)
  return function(previous)
    call_all(list, function(entry)
      entry.run(previous and previous[entry.script])
    end)
  end
end

-- perigee.hooks says which of these makes the hooks of several scripts one. A
-- hook that only one script has is called as it is, unless its kind hands
-- something over by script.
local chains = { deciding = deciding, telling = telling,
  starting = starting, stopping = stopping }
local keyed = { starting = true, stopping = true }

local function chain(key, list)
  local kind = hooks[key]
  return (#list == 1 and not keyed[kind]) and list[1].run or chains[kind](list)
end

-- `require` of the scripts' own modules reads the same snapshot.
local function bundle_searcher(dir, sources)
  return function(name)
    local path = name:gsub("%.", "/")
    for _, file in ipairs { path .. ".lua", path .. "/init.lua" } do
      if sources[file] then
        local chunk_name = dir .. "/" .. file
        local chunk, err = load(sources[file], "@" .. chunk_name)
        if not chunk then
          error(err, 0) -- it has file and line; ours would come first
        end
        return chunk, chunk_name
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

-- The order is fixed, so that the same mistake is reported each time.
local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

-- Takes what one script declares about rooms into `found`.
local function collect_rooms(found, path, rules)
  for _, name in ipairs(sorted_keys(rules)) do
    if found.rooms[name] then
      error(("%s: @rooms: room '%s' has a rule in %s already")
        :format(path, name, found.room_owner[name]), 0)
    end
    found.rooms[name] = rules[name]
    found.room_owner[name] = path
  end
end

-- Takes the messages that `where` in a script declares into `found`. A type
-- means the same to every client: who declares it twice says the same.
local function collect_pushes(found, path, where, texts)
  for _, name in ipairs(sorted_keys(texts)) do
    local known = found.pushes[name]
    if known and known.schema ~= texts[name] then
      error(("%s: %s: '%s' is declared otherwise in %s, by %s: let one "
        .. "declare it, and the others name it, like emits = { '%s' }")
        :format(path, where, name, known.path, known.where, name), 0)
    end
    found.pushes[name] = known
      or { schema = texts[name], path = path, where = where }
  end
end

-- Each type that a handler names must be declared by somebody.
local function check_emits(found)
  for _, key in ipairs(sorted_keys(found.handlers)) do
    local value = found.handlers[key]
    for _, name in ipairs(type(value) == "table" and value.emits or {}) do
      if not found.pushes[name] then
        local near = suggest(name, sorted_keys(found.pushes))
        error(("%s: handler '%s': emits: nothing declares '%s'%s")
          :format(value.path, key, name,
            near and (", did you mean '%s'?"):format(near) or ""), 0)
      end
    end
  end
end

local function collect_handler(found, path, key, value)
  if found.handlers[key] then
    error(("%s: message type '%s' has a handler in %s already")
      :format(path, key, found.owner[key]), 0)
  elseif type(value) == "table" then
    value.path = path -- a wrong schema is found later, in C
    collect_pushes(found, path, ("handler '%s': emits"):format(key),
      value.pushes or {})
  end
  found.handlers[key] = value
  found.owner[key] = path
end

-- Takes the handlers of one script into `found`.
local function collect(found, path, script)
  for _, key in ipairs(sorted_keys(script)) do
    local value, wrong = handler.read(key, script[key])
    if not value then
      error(("%s: %s"):format(path, wrong), 0)
    end
    if key == "@rooms" then
      collect_rooms(found, path, value)
    elseif key == "@emits" then
      collect_pushes(found, path, "@emits", value)
    elseif key:sub(1, 1) == "@" and not key:find "^@http " then
      found.hooks[key] = found.hooks[key] or {}
      table.insert(found.hooks[key], {
        script = path:match "[^/]*$", run = value,
      })
    else
      collect_handler(found, path, key, value)
    end
  end
end

-- `dir` is the scripts folder, `names` has all files in order, `sources` maps a
-- name to its text. Returns rooms (name to rule), owners (type to path),
-- handlers (type to function or declaration), hooks (key to function) and pushes
-- (type to { schema, path, where }), or raises.
local function load_scripts(dir, names, sources)
  local found = { handlers = {}, hooks = {}, owner = {}, rooms = {},
    room_owner = {}, pushes = {} }
  -- After preloaded and our own modules, before files of package.path.
  table.insert(package.searchers, 3, bundle_searcher(dir, sources))
  for _, name in ipairs(names) do
    if not name:find("/", 1, true) then
      collect(found, dir .. "/" .. name, run(dir, name, sources[name]))
    end
  end
  check_emits(found)
  found.hooks["@stop"] = found.hooks["@stop"] or {}
  for key, list in pairs(found.hooks) do
    found.hooks[key] = chain(key, list)
  end
  return found.rooms, found.owner, found.handlers, found.hooks, found.pushes
end

return load_scripts
