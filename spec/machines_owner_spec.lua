-- SPDX-License-Identifier: MIT
-- What runs in one place of several machines, which die and stand still.

local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

local script = [[
  local perigee = require "perigee"
  local me = require("perigee.place").token() -- of this machine

  -- Members are told of each tick: who has made it, and how many there were.
  local game = { every = 0.02, save = SAVE, tick = function(state, told)
    state = state or { got = perigee.json.array {}, ticks = 0 }
    for _, message in ipairs(told) do table.insert(state.got, message) end
    state.ticks = state.ticks + 1
    perigee.send_to_room("watch", { type = "tick", data = { by = me, n = state.ticks } })
    perigee.store.set("seen", { by = me, got = state.got })
    return state
  end }

  return {
    want = function() perigee.owner("game", game) return me end,
    tell = function(_, message)
      local done, code, text = perigee.owner("game", game):tell(message)
      if not done then return nil, code, text end
      return true
    end,
    seen = function() return perigee.store.get "seen" end,
  }
]]

local function script_that(save)
  return (script:gsub("SAVE", tostring(save)))
end

describe("An owner on several machines", function()
  local redis, servers, clients, names, start

  local function start_all(save, lease_s)
    redis = redis_server()
    start = machines_on(redis, { scripts = { ["main.lua"] = script_that(save) },
      options = { ["store.shared"] = true, ["node.lease_s"] = lease_s, ["redis.probe_s"] = 0.2,
        ["limits.messages_per_s"] = 0 } })
    servers, clients, names = {}, {}, {}
    for i = 1, 3 do
      servers[i] = start()
      clients[i] = servers[i]:connect("user" .. i)
      names[i] = clients[i]:request "want"
    end
  end

  after_each(function()
    for _, server in pairs(servers) do server:stop() end
    redis:stop()
  end)

  -- The state that was told last, once it has so many messages.
  local function wait_for(client, count)
    local state
    t.wait_until(function()
      state = client:request "seen"
      return state ~= t.null and #state.got >= count
    end)
    return state
  end

  local function owner_of(state)
    for i, name in ipairs(names) do
      if name == state.by then return i end
    end
  end

  local function tell(from, first, last)
    for n = first, last do
      for i = 1, 3 do
        if from[i] then assert.is_true(from[i]:request("tell", ("%d:%d"):format(i, n))) end
      end
    end
  end

  -- Each message once, and those of one machine in their order.
  local function check(got, counts)
    local last = {}
    for _, message in ipairs(got) do
      local i, n = message:match "(%d+):(%d+)"
      assert.equal((last[i] or 0) + 1, tonumber(n))
      last[i] = tonumber(n)
    end
    for i, count in pairs(counts) do assert.equal(count, last[tostring(i)]) end
  end

  -- Those who have made ticks, in the order in which they were heard: whoever
  -- was followed by another one does not come again.
  local function check_ticks(watcher)
    local by, before = nil, {}
    watcher:sync()
    for _, message in ipairs(watcher.inbox) do
      if message.type == "tick" and message.data.by ~= by then
        assert.is_nil(before[message.data.by])
        by = message.data.by
        before[by] = true
      end
    end
  end

  it("is handed over by a machine that ends: nobody waits for the lease", function()
    start_all(600, 300) -- the state would be saved then, and others look now and then
    tell(clients, 1, 5)
    local owner = owner_of(wait_for(clients[1], 15))
    clients[owner]:close()
    servers[owner]:stop()
    servers[owner] = start()
    clients[owner] = servers[owner]:connect("user" .. owner)
    names[owner] = clients[owner]:request "want"
    tell(clients, 6, 6)
    local state = wait_for(clients[owner], 18)
    assert.equal(names[owner], state.by)
    check(state.got, { 6, 6, 6 })
  end)

  it("is one, and gets what all machines tell it", function()
    start_all(1, 8)
    for _, client in ipairs(clients) do client:join "watch" end
    tell(clients, 1, 20)
    local state = wait_for(clients[1], 60)
    check(state.got, { 20, 20, 20 })
    local n = 0
    while n < 150 do -- its lease is renewed meanwhile
      local message = clients[1]:expect "tick"
      assert.equal(state.by, message.data.by)
      assert.is_true(n == 0 or message.data.n == n + 1)
      n = message.data.n
    end
    assert.is_number(owner_of(state))
  end)

  for _, save in ipairs { 0, 1000 } do
    it(("is followed by another one when its machine is killed, save = %d"):format(save), function()
      start_all(save, 4)
      tell(clients, 1, 10)
      local first = owner_of(wait_for(clients[1], 30))
      local rest = {}
      for i = 1, 3 do rest[i] = i ~= first and clients[i] or nil end
      local _, watcher = next(rest)
      watcher:join "watch"
      servers[first]:signal "KILL"
      servers[first]:stop(false)
      servers[first] = nil
      tell(rest, 11, 20)
      local state = wait_for(watcher, 50)
      assert.is_not.equal(first, owner_of(state))
      local counts = { 20, 20, 20 }
      counts[first] = 10
      check(state.got, counts)
      check_ticks(watcher)
    end)
  end

  it("is followed by another one when its machine stands still, and keeps out then", function()
    start_all(0, 4)
    tell(clients, 1, 5)
    local first = owner_of(wait_for(clients[1], 15))
    local rest = {}
    for i = 1, 3 do rest[i] = i ~= first and clients[i] or nil end
    local _, watcher = next(rest)
    watcher:join "watch"
    servers[first]:signal "STOP"
    tell(rest, 6, 10)
    local state = wait_for(watcher, 25)
    local second = owner_of(state)
    assert.is_not.equal(first, second)
    servers[first]:signal "CONT"
    servers[first]:wait_log "'game' is not owned here any more"
    assert.is_true(clients[first]:request("tell", first .. ":6"))
    tell(rest, 11, 11)
    state = wait_for(watcher, 28)
    assert.equal(second, owner_of(state))
    local counts = { 11, 11, 11 }
    counts[first] = 6
    check(state.got, counts)
  end)

  it("stands still without Redis, and goes on from its last state", function()
    start_all(0, 4)
    tell(clients, 1, 5)
    local state = wait_for(clients[1], 15)
    redis:signal "STOP"
    servers[owner_of(state)]:wait_log "'game' is not owned here any more: its lease"
    assert.equal("UNAVAILABLE", select(2, clients[1]:try("tell", "1:0")))
    redis:signal "CONT"
    t.wait_until(function() return clients[1]:try("tell", "1:6") == true end)
    check(wait_for(clients[1], 16).got, { 6, 5, 5 })
  end)
end)

describe("perigee.owner", function()
  it("says that each machine would have one, without a store for all", function()
    local redis = redis_server()
    local server = machines_on(redis, { scripts = { ["main.lua"] = script_that(1) } })()
    finally(function() server:stop() redis:stop() end)
    server:connect("ann"):try "want"
    server:wait_log 'perigee.owner: with engine = "redis" it needs store.shared = true'
  end)
end)
