-- SPDX-License-Identifier: MIT
-- The hooks @online and @offline. What they were told is in the store, which
-- all workers share.
local t = require "perigee.testing"

local TOLD = [[
  local perigee = require "perigee"
  local function tell(user, what)
    perigee.store.update("told:" .. user, function(list)
      list = list or {}
      list[#list + 1] = what
      return list
    end)
  end
]]

local READ = [[
  told = function(_, user)
    return perigee.store.get("told:" .. user) or perigee.json.array {}
  end,
  online = function(_, user) return perigee.is_online(user) end,
]]

local HOOKS = TOLD .. [[
  return {
    ["@online"] = function(user) tell(user, "online") end,
    ["@offline"] = function(user) tell(user, "offline") end,
    ["@disconnect"] = function(client) tell(client.user_id, "closed") end,
    kick = function(_, user) return perigee.kick(user) end,
    ]] .. READ .. [[
  }
]]

-- What the hooks were told about a user, when these are `count` entries.
local function told(asker, user, count)
  return t.wait_until(function()
    local list = asker:request("told", user)
    return #list >= count and list
  end)
end

-- Only comings and goings.
local function without_closes(list)
  local kept = {}
  for _, what in ipairs(list) do
    if what ~= "closed" then
      kept[#kept + 1] = what
    end
  end
  return kept
end

describe("A user", function()
  local server, asker

  lazy_setup(function()
    server = t.server {
      options = { ["limits.per_ip"] = 0 },
      scripts = { ["users.lua"] = HOOKS },
    }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function()
    asker = server:connect { user = "asker" }
  end)

  it("is online with the first device, and offline after the last", function()
    local devices = {}
    for i = 1, 8 do
      devices[i] = server:connect { user = "alice" }
    end
    assert.same({ "online" }, told(asker, "alice", 1))
    for i = 1, 7 do devices[i]:close() end
    assert.same({ "online" }, without_closes(told(asker, "alice", 8)))
    devices[8]:drop()
    local all = told(asker, "alice", 10)
    assert.same({ "online", "offline" }, without_closes(all))
    assert.is_false(asker:request("online", "alice"))
  end)

  it("comes and goes once each, in order, however often and however its "
    .. "connections end", function()
    local expected = {}
    for i = 1, 12 do
      local client = server:connect { user = "bob" }
      if i % 3 == 0 then
        asker:request("kick", "bob")
      elseif i % 3 == 1 then
        client:close()
      else
        client:drop()
      end
      t.wait_until(function() return not asker:request("online", "bob") end)
      expected[#expected + 1] = "online"
      expected[#expected + 1] = "offline"
    end
    assert.same(expected, without_closes(told(asker, "bob", 36)))
  end)

  it("is not online before it was let in", function()
    local mallory = server:connect { auth = false }
    mallory:auth "x.y.z"
    mallory:expect_close(4501)
    local client = server:connect { user = "carol", claims = { sub = "dave" } }
    client:sync()
    assert.same({ "online" }, told(asker, "dave", 1))
    assert.same({}, asker:request("told", "carol"))
  end)

  it("goes while many others do", function()
    local crowd = {}
    for i = 1, 60 do
      crowd[i] = server:connect { user = "crowd" .. i }
    end
    for i = 1, 60 do crowd[i]:drop() end
    for i = 1, 60 do
      assert.same({ "online", "offline" },
        without_closes(told(asker, "crowd" .. i, 3)))
    end
  end)
end)

describe("The hooks @online and @offline", function()
  local server

  after_each(function() server:stop() end)

  local function start(script, options)
    server = t.server {
      options = options, scripts = { ["users.lua"] = script },
    }
    return server
  end

  it("of one user run one after the other, those of others do not wait",
    function()
      start(TOLD .. [[
        return {
          ["@online"] = function(user)
            if user ~= "slow" then return tell(user, "online") end
            tell(user, "comes")
            while not perigee.store.get "go" do perigee.sleep(0.01) end
            tell(user, "came")
          end,
          ["@offline"] = function(user) tell(user, "offline") end,
          go = function() perigee.store.set("go", true) end,
          ]] .. READ .. [[
        }
      ]])
      local asker = server:connect { user = "asker" }
      for _ = 1, 3 do
        server:connect({ user = "slow" }):close()
        t.wait_until(function() return not asker:request("online", "slow") end)
      end
      server:connect({ user = "fast" }):close()
      assert.same({ "online", "offline" }, told(asker, "fast", 2))
      assert.same({ "comes" }, asker:request("told", "slow"))
      asker:request "go"
      assert.same({
        "comes", "came", "offline", "comes", "came", "offline",
        "comes", "came", "offline",
      }, told(asker, "slow", 9))
    end)

  it("are not piled up without end while one of that user waits", function()
    start(TOLD .. [[
      return {
        ["@online"] = function(user)
          tell(user, "online")
          while user ~= "asker" and not perigee.store.get "go" do
            perigee.sleep(0.01)
          end
        end,
        ["@offline"] = function(user) tell(user, "offline") end,
        go = function() perigee.store.set("go", true) end,
        ]] .. READ .. [[
      }
    ]])
    local asker = server:connect { user = "asker" }
    for _ = 1, 40 do
      server:connect({ user = "busy" }):close()
      t.wait_until(function() return not asker:request("online", "busy") end)
    end
    local last = server:connect { user = "busy" }
    asker:request "go"
    -- The one that ran, 64 that waited, less those that left with their
    -- opposite; the last one is true.
    local list = told(asker, "busy", 65)
    last:sync()
    assert.equal(65, #list)
    for i, what in ipairs(list) do
      assert.equal(i % 2 == 1 and "online" or "offline", what)
    end
  end)

  it("may be defined by several scripts, and may raise", function()
    start(TOLD .. [[
      return {
        ["@online"] = function(user) tell(user, "first") error "broken" end,
        ]] .. READ .. [[
      }
    ]])
    server:write("zz_second.lua", TOLD .. [[
      return {
        ["@online"] = function(user) tell(user, "second") end,
        ["@offline"] = function(user) tell(user, "offline") end,
      }
    ]])
    server:reload()
    local asker = server:connect { user = "asker" }
    server:connect({ user = "eve" }):close()
    assert.same({ "first", "second", "offline" }, told(asker, "eve", 3))
    server:wait_log "handler=@online conn=0 user=%- ref=%g+ .*broken"
  end)

  it("tell what happens after the load that brought them", function()
    start(TOLD .. "return { " .. READ .. " }")
    local early = server:connect { user = "early" }
    local asker = server:connect { user = "asker" }
    server:write("users.lua", HOOKS)
    server:reload()
    server:connect({ user = "late" }):close()
    assert.same({ "online", "offline" }, without_closes(told(asker, "late", 3)))
    assert.same({}, asker:request("told", "early"))
    early:close()
    assert.same({ "offline" }, without_closes(told(asker, "early", 2)))
    server:write("users.lua", TOLD .. "return { " .. READ .. " }")
    server:reload()
    server:connect({ user = "later" }):close()
    t.wait_until(function() return not asker:request("online", "later") end)
    assert.same({}, asker:request("told", "later"))
  end)

  it("tell of everybody when the server ends", function()
    start([[
      local perigee = require "perigee"
      local log = perigee.log
      return {
        ["@online"] = function(user) log.info("came " .. user) end,
        ["@offline"] = function(user) log.info("went " .. user) end,
      }
    ]], { ["shutdown.drain_s"] = 0.1 })
    for i = 1, 20 do
      server:connect { user = "u" .. i }
      server:wait_log("came u" .. i .. "\n")
    end
    server:signal "TERM" -- the clients are there still
    server:stop(false)
    local log = server.last_log
    for i = 1, 20 do
      local _, count = log:gsub("went u" .. i .. "\n", "")
      assert.equal(1, count)
    end
  end)
end)
