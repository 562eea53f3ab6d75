-- SPDX-License-Identifier: MIT
-- lua/perigee.d.lua, and its parts beside it, tell editors what there
-- is: neither more nor less than what a script finds.
local cli = require "spec.support.cli"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"

  local function walk(names, prefix, table)
    for name, value in pairs(table) do
      if type(value) == "table" and prefix == "" and name ~= "config" then
        walk(names, name .. ".", value)
      else
        names[#names + 1] = prefix .. name
      end
    end
    return names
  end

  return {
    library = function()
      return walk({}, "", perigee)
    end,
    -- Its metatable is hidden from scripts, and has one table of all names.
    client = function(client)
      local index = debug.getmetatable(client).__index
      local _, names = debug.getupvalue(index, 1)
      return walk({}, "client.", names)
    end,
  }
]]

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

-- The names that `pattern` finds, as keys.
local function find_all(text, pattern)
  local names = {}
  for name in text:gmatch(pattern) do
    names[name] = true
  end
  return names
end

local function as_keys(list)
  local keys = {}
  for _, name in ipairs(list) do
    keys[name] = true
  end
  return keys
end

local function merge(a, b)
  for name in pairs(b) do
    a[name] = true
  end
  return a
end

describe("The annotations", function()
  local text = read "lua/perigee.d.lua" .. read "lua/perigee.script.d.lua"
    .. read "lua/perigee.store.d.lua"
  local client

  lazy_setup(function()
    client = function()
      return t.server({ scripts = { ["main.lua"] = SCRIPT } }):connect "alice"
    end
  end)

  after_each(cli.cleanup)

  it("have every name of the library, and no other", function()
    local expected = as_keys(client():request "library")
    local annotated = find_all(text, "\nfunction perigee%.([%w_.]+)%(")
    for name in text:gmatch "\nperigee%.([%w_.]+) = (nil)" do
      annotated[name] = true
    end
    assert.same(expected, annotated)
  end)

  it("have every name of a client, and no other", function()
    local expected = as_keys(client():request "client")
    local class = text:match "%-%-%-@class perigee%.Client\n(.-)\nlocal client"
    local annotated = {}
    for name in pairs(merge(find_all(class, "%-%-%-@field (%l[%w_]*)"),
      find_all(text, "\nfunction client:([%w_]+)%("))) do
      annotated["client." .. name] = true
    end
    assert.same(expected, annotated)
  end)

  it("have every hook, and no other", function()
    local _, _, problem = cli.run { "check", cli.folder {
      ["main.lua"] = 'return { ["@none"] = function() end }' } }
    local known = find_all(problem:match "there are ([^\n]*)", "(@%l+)")
    assert.same(known, find_all(text, '@field %["(@%l+)"%]'))
  end)

  it("of the test kit have every function of it", function()
    local kit = read "lua/perigee.testing.d.lua"
    for name in pairs(find_all(kit, "\nfunction t%.([%w_]+)%(")) do
      assert.is_function(t[name], name)
    end
    local Client = require "perigee.testing_client"
    for name in pairs(find_all(kit, "\nfunction client:([%w_]+)%(")) do
      assert.is_function(Client[name], name)
    end
    for name in pairs(find_all(kit, "\nfunction server:([%w_]+)%(")) do
      assert.is_function(getmetatable(t.server {})[name], name)
    end
  end)

  it("are Lua that can be read", function()
    for _, part in ipairs { "", ".script", ".store", ".testing" } do
      local name = "perigee" .. part .. ".d.lua"
      assert(load(read("lua/" .. name), name))
    end
  end)
end)
