-- SPDX-License-Identifier: MIT
-- What runs in one place of all workers.

local t = require "perigee.testing"

local script = [[
  local perigee = require "perigee"
  local me = require("perigee.place").token() -- of this worker and load

  local game = { every = 0.01, save = 0, tick = function(state, told)
    state = state or { got = perigee.json.array {}, by = perigee.json.array {}, ticks = 0 }
    if state.by[#state.by] ~= me then table.insert(state.by, me) end
    for _, message in ipairs(told) do
      if message == "end" then return nil end
      if message == "raise" then error "as told" end
      table.insert(state.got, message)
    end
    state.ticks = state.ticks + 1
    perigee.store.set("seen", state)
    return state
  end }

  return {
    heavy = function(_, size)
      local idle = { every = 60, tick = function(state) return state end }
      local owner = perigee.owner("heavy" .. size, idle)
      for n = 1, 20 do
        local done, code = owner:tell(("x"):rep(size))
        if not done then return { n, code } end
      end
    end,
    fat = function(_, size)
      perigee.owner("fat", { every = 0.01, save = 1, tick = function(state)
        perigee.store.incr "fat"
        return state or ("x"):rep(size)
      end })
      return perigee.store.get "fat"
    end,
    -- It is saved when it is handed over, and not before.
    slowly = function()
      perigee.owner("slow", { every = 0.01, save = 600, tick = function(state)
        perigee.store.set("slow", (state or 0) + 1)
        return (state or 0) + 1
      end })
      return perigee.store.get "slow" or 0
    end,
    saved = function() return perigee.store.get("owner:slow:record").state end,
    want = function() perigee.owner("game", game) end,
    tell = function(_, message) return { perigee.owner("game", game):tell(message) } end,
    seen = function() return perigee.store.get "seen" end,
    me = function() return { me, perigee.owner("game", game):is_here() } end,
    wrong = function(_, source)
      local ok, problem = pcall(load("return (...).owner(" .. source .. ")"), perigee)
      return problem
    end,
    -- As if another place had it: the lease for a second.
    steal = function(_, what)
      return perigee.store.update("owner:game:" .. what, function(value)
        value.who, value.token = value.who and "thief", "stolen"
        return value
      end, what == "lease" and 1 or nil) ~= nil
    end,
    keys = function() return perigee.store.keys "owner:game" end,
  }
]]

describe("An owner", function()
  local server, clients

  before_each(function()
    server = t.server { scripts = { ["main.lua"] = script },
      options = { ["node.lease_s"] = 3, ["limits.messages_per_s"] = 0 } }
    clients = {}
    for i = 1, 6 do clients[i] = server:connect("user" .. i) end
  end)

  local function seen() return clients[1]:request "seen" end

  local function wait_for(count)
    t.wait_until(function()
      local state = seen()
      return state ~= t.null and #state.got >= count
    end)
    return seen()
  end

  it("is one, whoever asks, and gets all that it is told, in order", function()
    for _, client in ipairs(clients) do client:request "want" end
    for n = 1, 20 do
      for i, client in ipairs(clients) do client:send("tell", ("%d:%d"):format(i, n)) end
    end
    local state = wait_for(120)
    assert.equal(1, #state.by)
    local last = {}
    for _, message in ipairs(state.got) do
      local i, n = message:match "(%d+):(%d+)"
      assert.equal((last[i] or 0) + 1, tonumber(n))
      last[i] = tonumber(n)
    end
    local owners = {}
    for _, client in ipairs(clients) do
      local me, is_here = table.unpack(client:request "me")
      if is_here then owners[me] = true end
    end
    assert.equal(state.by[1], next(owners) or state.by[1])
    assert.is_nil(next(owners, next(owners)))
  end)

  it("takes what it was told before there was one, and goes on after an error", function()
    clients[1]:request("tell", "first")
    clients[2]:request("tell", "raise")
    clients[3]:request("tell", "second")
    server:wait_log "as told"
    clients[1]:request("tell", "third")
    t.wait_until(function()
      local got = seen() ~= t.null and seen().got or {}
      return got[#got] == "third"
    end)
  end)

  it("keeps its state when the scripts are loaded again", function()
    clients[1]:request("tell", "before")
    local before = wait_for(1)
    server:reload()
    for _, client in ipairs(clients) do client:request "want" end
    clients[2]:request("tell", "after")
    local state = wait_for(2)
    assert.same({ "before", "after" }, state.got)
    assert.is_true(state.ticks > before.ticks)
    assert.equal(2, #state.by)
  end)

  it("hands over what it has when the scripts are loaded again", function()
    clients[1]:request "slowly"
    t.wait_until(function() return clients[1]:request "slowly" >= 20 end)
    server:reload()
    local ticks = clients[1]:request "slowly" -- of the next owner, or not yet any
    assert.is_true(ticks >= 20)
    assert.is_true(clients[1]:request "saved" >= 20)
  end)

  for _, what in ipairs { "lease", "inbox", "record" } do
    it("ends when another place has its " .. what .. ", and goes on afterwards", function()
      clients[1]:request("tell", "before")
      local ticks = wait_for(1).ticks
      assert.is_true(clients[1]:request("steal", what))
      server:wait_log "'game' is not owned here any more: another place owns it"
      assert.is_true(clients[1]:request("tell", "after")[1])
      local state = wait_for(2)
      assert.same({ "before", "after" }, state.got)
      assert.is_true(state.ticks > ticks)
    end)
  end

  it("is told no more than a value of the store may have", function()
    local told, code = table.unpack(clients[1]:request("heavy", 100000))
    assert.same({ 6, "OVERLOADED" }, { told, code })
    assert.equal("HANDLER_ERROR", (select(2, clients[1]:try("heavy", 600000))))
  end)

  it("goes on with a state that cannot be saved, and says so, not with each tick", function()
    clients[1]:try("fat", 600000)
    server:wait_log "perigee.owner: the state of 'fat' cannot be saved: [^\n]*value: more than"
    local ticks
    t.wait_until(function()
      ticks = clients[1]:request("fat", 600000)
      return ticks >= 200
    end)
    local _, count = server:log():gsub("cannot be saved", "")
    assert.is_true(count < ticks / 2)
  end)

  it("is wanted when scripts run, not while they are loaded", function()
    server:write("early.lua", "require('perigee').owner('n', { every = 1, tick = print })")
    assert.matches("early.lua:1: perigee.owner: not while scripts are being loaded",
      server:reload_fails(), 1, true)
  end)

  it("is over when its function returns nil, and begins anew when it is asked for", function()
    for _, client in ipairs(clients) do client:request "want" end
    clients[1]:request("tell", "one")
    wait_for(1)
    clients[2]:request("tell", "end")
    t.wait_until(function()
      local keys = clients[1]:request "keys"
      return #keys == 1 and keys[1] == "owner:game:record"
    end)
    clients[3]:request("tell", "two")
    t.wait_until(function()
      local got = seen().got
      return #got == 1 and got[1] == "two"
    end)
  end)

  for source, problem in pairs {
    [""] = "a name has 1 to 128 bytes",
    ["('n'):rep(129), {}"] = "a name has 1 to 128 bytes",
    ["'n'"] = "{ every = seconds, tick = function } expected",
    ["'n', { tick = print }"] = "every must be from 0.01 to 60 seconds",
    ["'n', { tick = print, every = 0/0 }"] = "every must be from 0.01 to 60 seconds",
    ["'n', { tick = print, every = 1, save = -1 }"] = "save must be seconds, 0 or more",
    ["'n', { tick = print, every = 1 }):tell("] = "a message expected, got nil",
  } do
    it("refuses " .. source, function()
      assert.matches(problem, clients[1]:request("wrong", source), 1, true)
    end)
  end
end)
