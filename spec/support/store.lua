-- SPDX-License-Identifier: MIT
-- Servers whose handlers use the store.
--
--   local server = store.start { ["limits.store_mb"] = 1 }
--   local start = store.on(redis) -- those share one
local machines_on = require "spec.support.machines"
local servers = require "spec.support.servers"

-- `run` gets Lua source, and answers what it returns, or { error = text }.
local main = [[
  local perigee = require "perigee"
  local store, json = perigee.store, perigee.json

  -- Whether it is exactly the same: kinds of numbers and marks of arrays too.
  local function same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then
      return math.type(a) == math.type(b) and (a == b or a ~= a and b ~= b)
        and (math.type(a) ~= "float" or a ~= 0 or 1 / a == 1 / b)
    elseif getmetatable(a) ~= getmetatable(b) then
      return false
    end
    for key, value in pairs(a) do
      if not same(value, b[key]) then return false end
    end
    for key in pairs(b) do
      if a[key] == nil then return false end
    end
    return true
  end

  return {
    run = function(_, source)
      local env = { store = store, json = json, same = same }
      local chunk = assert(load(source, "=run", "t",
        setmetatable(env, { __index = _G })))
      local ok, result = pcall(chunk)
      if not ok then return { error = result } end
      return result
    end,
    get = function(_, key) return store.get(key) end,
    incr = function(_, key) return store.incr(key) end,
    update = function(_, key)
      store.update(key, function(n) return (n or 0) + 1 end)
    end,
  }
]]

local function common()
  return {
    scripts = { ["main.lua"] = main },
    options = {
      ["limits.messages_per_s"] = 0, -- the examples poll
      ["limits.bytes_per_s"] = 0,
      ["script.burst_ms"] = 10000, -- some do much in one handler
    },
  }
end

local store = { start = servers(common()) }

-- A function that starts servers whose store is in the Redis.
function store.on(redis)
  local with = common()
  with.options["store.shared"] = true
  return machines_on(redis, with)
end

return store
