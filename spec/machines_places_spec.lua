-- SPDX-License-Identifier: MIT
-- Several machines on a Redis Cluster of which one part is away, or has lost its
-- memory, and the others are not: who is there.
local comings = require "spec.support.comings"
local machines_on = require "spec.support.machines"
local redis_set = require "spec.support.redis_set"
local t = require "perigee.testing"

describe("who is there, when a part of a cluster is away", function()
  local set, start

  setup(function()
    set = redis_set.cluster()
    start = machines_on(set, { scripts = { ["main.lua"] = comings.script },
      options = { ["redis.probe_s"] = 0.2, ["node.lease_s"] = 1,
        ["presence.every_ms"] = 10 } })
  end)

  teardown(function()
    set:stop()
  end)

  -- The first such key, and the server that has it.
  local function find(pattern)
    for _, server in ipairs(set.servers) do
      local key = server:command(("--raw KEYS '%s'"):format(pattern)):match "%S+"
      if key then return key, server end
    end
  end

  -- A room of which the entries are at another server than the leases.
  local function room_elsewhere(client)
    local _, nodes = find "pg:*:nodes"
    for i = 1, 100 do
      local room, at = "here:" .. i, nil
      client:join(room)
      t.wait_until(function()
        at = select(2, find("pg:*:rn:" .. room))
        return at
      end)
      if at ~= nodes then return room, nodes end
    end
  end

  local function wait_gone(client, room, user)
    t.wait_until(function()
      client:sync()
      return not client:presence(room)[user]
    end)
  end

  local function wait_there(client, room, user)
    t.wait_until(function()
      client:sync()
      return client:presence(room)[user]
    end)
  end

  -- One machine hears nothing of the others' leases, and one of these is gone.
  -- `before` rooms are there before the one that is looked at.
  local function lose_word_of_a_death(before)
    set:command "ACL SETUSER cut on nopass '~*' '&*' +@all"
    local a = start { ["redis.url"] = (set.url:gsub("//", "//cut:any@", 1)),
      ["node.lease_s"] = 60, ["limits.rooms_per_connection"] = 10000,
      ["limits.messages_per_s"] = 0 }
    local b, c = start(), start()
    local ann, jim = a:connect { user = "ann" }, c:connect { user = "jim" }
    for i = 1, before do ann:join("here:before" .. i) end
    local room, nodes = room_elsewhere(ann)
    jim:join(room)
    wait_there(ann, room, "jim")
    nodes:command "ACL SETUSER cut off"
    nodes:command "CLIENT KILL USER cut"
    c:signal "KILL"
    c:stop(false)
    t.wait_until(function() -- from then on nobody speaks of it
      local key, server = find "pg:*:nodes"
      return server:command("--raw ZCARD " .. key):match "2"
    end)
    nodes:command "ACL SETUSER cut on"
    wait_gone(ann, room, "jim")
    assert.is_table(ann:presence(room).ann)
    a:stop()
    b:stop()
  end

  it("is known to who did not hear that a machine is gone", function()
    lose_word_of_a_death(0)
  end)

  it("is so in more rooms than are read at once", function()
    lose_word_of_a_death(2100)
  end)

  -- The machines that have entries of it.
  local function lives_of(pattern)
    local key, server = find(pattern)
    local lives = {}
    for life in (key and server:command(("--raw SMEMBERS '%s'"):format(key)) or ""):gmatch "%x+" do
      table.insert(lives, life)
    end
    return lives
  end

  local function wait_lives(pattern, count)
    t.wait_until(function() return #lives_of(pattern) == count end)
  end

  it("is right when what a dead machine had entries of is lost", function()
    local a, b = start(), start()
    local jim = a:connect { user = "jim" }
    wait_lives("pg:*:un:jim", 1)
    local life_a = lives_of("pg:*:un:jim")[1]
    local far = b:connect { user = "jim" }
    far:join "here:far"
    wait_lives("pg:*:un:jim", 2)
    wait_lives("pg:*:rn:here:far", 1)
    local life_b = lives_of("pg:*:rn:here:far")[1]
    assert.not_equal(life_a, life_b)
    local list, server = find("pg:*:names:" .. life_b)
    b:signal "KILL"
    server:command(("DEL '%s'"):format(list))
    b:stop(false)
    -- He is here, too, so he is looked at when the machine is gone.
    t.wait_until(function()
      local lives = lives_of "pg:*:un:jim"
      return #lives == 1 and lives[1] == life_a
    end)
    -- Nobody is in the room, until somebody is.
    local ann = a:connect { user = "ann" }
    ann:join "here:far"
    t.wait_until(function()
      local lives = lives_of "pg:*:rn:here:far"
      return #lives == 1 and lives[1] == life_a
    end)
    wait_gone(ann, "here:far", "jim")
    assert.equal(0, comings.count(a, "went jim"))
    jim:close()
    t.wait_until(function() return comings.count(a, "went jim") == 1 end)
    assert.equal(1, comings.count(a, "came jim"))
    a:stop()
  end)
end)
