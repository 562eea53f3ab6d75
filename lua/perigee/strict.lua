-- SPDX-License-Identifier: MIT
-- The environment of scripts: no accidental globals, no exit, source only.
--
-- One Lua state serves every client of a worker. A global that a handler sets
-- by mistake would be shared by all of them. So setting one raises an error,
-- which names the script and the line. `rawset(_G, name, value)` declares one
-- on purpose.

local adapting = require "perigee.cjson"

local raw_load, raw_loadfile = load, loadfile

local function refuse_global(_, name)
  name = tostring(name)
  error(("global '%s' would be shared by every client: write `local %s`")
    :format(name, name), 2)
end

local function no_exit()
  error("os.exit would end the server for everybody", 2)
end

-- Lua does not check binary chunks, and they can crash the process: so only
-- text is loaded.
local function load_text(chunk, name, _, ...)
  return raw_load(chunk, name, "t", ...)
end

local function load_text_file(path, _, ...)
  return raw_loadfile(path, "t", ...)
end

local function run_text_file(path)
  return assert(load_text_file(path))()
end

-- The searcher of Lua files in package.path, for text only.
local function search_text(name)
  local path, why = package.searchpath(name, package.path)
  if not path then
    return why
  end
  local chunk, err = load_text_file(path)
  if not chunk then
    error(("error loading module '%s' from file '%s':\n\t%s")
      :format(name, path, err), 0)
  end
  return chunk, path
end

-- The searchers are those of preloaded modules, of our own embedded ones, of
-- Lua files, and then of C modules. This is the place of the third.
local LUA_FILES = 3

-- For scripts that may not reach the machine. Our own files have what they need
-- of these libraries in locals.
local function drop_libraries()
  for _, name in ipairs { "io", "debug" } do
    package.loaded[name] = nil
    _G[name] = nil
  end
  for _, name in ipairs { "execute", "remove", "rename", "tmpname" } do
    os[name] = nil
  end
  package.cpath = nil
  rawset(package, "loadlib", nil)
  for i = #package.searchers, LUA_FILES + 1, -1 do
    package.searchers[i] = nil
  end
end

-- C modules may be loaded: lua-cjson is adapted when it is.
local function adapt_libraries()
  for i = LUA_FILES + 1, #package.searchers do
    package.searchers[i] = adapting(package.searchers[i])
  end
end

-- `sandbox` is the option script.sandbox.
local function seal(sandbox)
  os.exit = no_exit
  os.setlocale = nil -- numbers in JSON are written with a point, everywhere
  load = load_text
  loadfile = load_text_file
  dofile = run_text_file
  package.searchers[LUA_FILES] = search_text
  if sandbox then
    drop_libraries()
  else
    adapt_libraries()
  end
  setmetatable(_G, { __newindex = refuse_global, __metatable = false })
end

return { seal = seal }
