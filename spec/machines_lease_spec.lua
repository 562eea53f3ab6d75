-- SPDX-License-Identifier: MIT
-- Several machines: that each has a lease, and what is done to who has none.
local comings = require "spec.support.comings"
local lossy = require "spec.support.lossy"
local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

describe("the lease of a machine", function()
  local redis, start

  setup(function()
    redis = redis_server.start()
    start = machines_on(redis, { scripts = { ["main.lua"] = comings.script },
      options = { ["redis.probe_s"] = 0.2, ["presence.every_ms"] = 10 } })
  end)

  before_each(function()
    redis:command "FLUSHALL"
  end)

  teardown(function()
    redis:stop()
  end)

  local function key_like(pattern)
    return redis:command(("--raw KEYS '%s'"):format(pattern)):match "%S+"
  end

  -- Machine → end of its lease, ms of Redis.
  local function leases()
    local found, key = {}, key_like "*:nodes"
    local text = key and redis:command(("--raw ZRANGE '%s' 0 -1 WITHSCORES"):format(key)) or ""
    for life, ends in text:gmatch "(%x+)\n(%-?%d+)" do found[life] = tonumber(ends) end
    return found
  end

  -- A machine that has a Redis user of its own; and its lease.
  local function start_as(user, options)
    redis:command(("ACL SETUSER %s on nopass '~*' '&*' +@all"):format(user))
    options = options or {}
    options["redis.url"] = redis.url:gsub("unix://", "unix://" .. user .. ":any@")
    local before, life = leases(), nil
    local server = start(options)
    t.wait_until(function()
      for name in pairs(leases()) do
        if not before[name] then life = name end
      end
      return life
    end)
    return server, life
  end

  local function cut(user)
    redis:command(("ACL SETUSER %s off"):format(user))
    redis:command("CLIENT KILL USER " .. user)
  end

  local function mend(user)
    redis:command(("ACL SETUSER %s on"):format(user))
  end

  it("is taken several times before it ends", function()
    local a, life = start_as("cut", { ["node.lease_s"] = 1 })
    local last = leases()[life]
    t.wait_until(function()
      local ends = leases()[life]
      local step = ends - last
      last = ends
      return step > 0 and step < 700
    end)
    a:stop()
  end)

  it("is not over for who is late after Redis was away", function()
    local a, life_a = start_as "cut"
    local b, life_b = start_as "late"
    local hal = b:connect { user = "hal" }
    t.wait_until(function() return comings.count(b, "came hal") == 1 end)
    cut "cut"
    cut "late"
    local key = key_like "*:nodes"
    for _, life in ipairs { life_a, life_b } do
      redis:command(("ZADD '%s' XX 1 %s"):format(key, life))
    end
    mend "cut"
    -- One lease was answered before the second was asked for.
    local first
    t.wait_until(function()
      local ends = leases()[life_a]
      first = first or ends > 1 and ends
      return first and ends > first
    end)
    mend "late"
    t.wait_until(function() return (leases()[life_b] or 0) > 1 end)
    assert.equal(0, comings.count(a, "went hal"))
    assert.equal(0, comings.count(b, "has no lease"))
    hal:close()
    t.wait_until(function() return comings.count(b, "went hal") == 1 end)
    a:stop()
    b:stop()
  end)

  it("is given to who has entries and none, and died", function()
    local a = start { ["node.lease_s"] = 1 }
    local b, life = start_as "cut"
    local jim = b:connect { user = "jim" }
    jim:join "here:3"
    t.wait_until(function() return comings.count(b, "came jim") == 1 end)
    b:signal "KILL"
    b:stop(false)
    redis:command(("ZREM '%s' %s"):format(key_like "*:nodes", life))
    local ann = a:connect { user = "ann" }
    ann:join "here:3"
    t.wait_until(function()
      ann:sync()
      return ann:presence("here:3").ann and not ann:presence("here:3").jim
    end)
    t.wait_until(function() return comings.count(a, "went jim") == 1 end)
    a:stop()
  end)

  it("is nothing that others know of who died, when Redis has lost its memory", function()
    local a, b = start { ["node.lease_s"] = 1 }, start { ["node.lease_s"] = 1 }
    local ann, jim = a:connect { user = "ann" }, b:connect { user = "jim" }
    ann:join "here:1"
    jim:join "here:1"
    t.wait_until(function()
      ann:sync()
      return ann:presence("here:1").jim
    end)
    b:signal "KILL"
    b:stop(false)
    redis:command "FLUSHALL"
    t.wait_until(function()
      ann:sync()
      return not ann:presence("here:1").jim
    end)
    assert.is_table(ann:presence("here:1").ann)
    a:stop()
  end)

  it("is not taken once more by who was taken out before it knew of it", function()
    local way = lossy(redis, "way")
    way:lose '"version"'
    local a = start { ["node.lease_s"] = 1 }
    local b = start { ["node.lease_s"] = 1, ["redis.url"] = way.url }
    way:wait_lost()
    t.wait_until(function() return comings.count(a, "was not heard of") == 1 end)
    way:open()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    ann:join "here:1"
    bob:join "here:1"
    t.wait_until(function()
      ann:sync()
      return ann:presence("here:1").bob
    end)
    a:stop()
    b:stop()
    way:stop()
  end)

  -- A machine has seen an entry, which came after Redis had lost the rest.
  it("is not taken for granted, if Redis knows no more than an entry", function()
    local a, life = start_as "cut"
    local ann = a:connect { user = "ann" }
    ann:join "here:1"
    local key = key_like "*:nodes"
    local function has_room()
      return key_like("pg:*:rp:*here:1:*")
    end
    t.wait_until(has_room)
    redis:command(("EVAL \"redis.call('FLUSHALL') redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])\" "
      .. "1 '%s' %d %s"):format(key, (os.time() + 60) * 1000, life))
    t.wait_until(has_room)
    assert.equal(1, comings.count(a, "came ann"))
    a:stop()
  end)

  -- As a failover does, to a replica that was behind.
  it("is for no entry that was taken out, and is back", function()
    local a, life = start_as "cut"
    local hal, jim = a:connect { user = "hal" }, a:connect { user = "jim" }
    hal:join "here:1"
    jim:join "here:1"
    jim:join "here:2"
    local function keys(pattern)
      return redis:command(("--raw KEYS '%s'"):format(pattern)):gmatch "%S+"
    end
    local function fields_of(key)
      return redis:command(("--raw HKEYS '%s'"):format(key))
    end
    local function where()
      local found = {}
      for key in keys("pg:*p:*:" .. life) do
        if key:find ":3:jim:" or fields_of(key):find "jim" then table.insert(found, key) end
      end
      return found
    end
    t.wait_until(function() return #where() == 3 end)
    local saved = {}
    for key in keys "pg:*" do
      if key:find "[ru][pn]:" or key:find "names:" then
        table.insert(saved, key)
        redis:command(("COPY '%s' 'saved:%d'"):format(key, #saved))
      end
    end
    jim:close()
    t.wait_until(function()
      return #where() == 0 and not redis:command(("--raw SMEMBERS '%s'"):format(
        key_like("*names:" .. life))):find "jim"
    end)
    cut "cut"
    for i, key in ipairs(saved) do redis:command(("RENAME saved:%d '%s'"):format(i, key)) end
    assert.equal(3, #where())
    mend "cut"
    t.wait_until(function() return #where() == 0 end)
    assert.equal(1, comings.count(a, "went jim"))
    assert.equal(1, comings.count(a, "came jim"))
    a:stop()
  end)

  it("is over for who was cut off: its users come once more", function()
    local a, b = start { ["node.lease_s"] = 3 }, start { ["node.lease_s"] = 3 }
    local c = start_as("cut", { ["node.lease_s"] = 3 })
    local hal = c:connect { user = "hal" }
    t.wait_until(function() return comings.count(c, "came hal") == 1 end)
    cut "cut"
    t.wait_until(function()
      return comings.count(a, "went hal") + comings.count(b, "went hal") == 1
    end)
    mend "cut"
    t.wait_until(function() return comings.count(c, "came hal") == 2 end)
    hal:close()
    t.wait_until(function() return comings.count(c, "went hal") == 1 end)
    assert.equal(1, comings.count(a, "went hal") + comings.count(b, "went hal"))
    for _, server in ipairs { a, b, c } do server:stop() end
  end)
end)
