-- SPDX-License-Identifier: MIT
-- Several machines: who is there.

local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

local script = [[
local perigee = require "perigee"
return {
  ["@rooms"] = { ["here:*"] = { presence = true }, ["count:*"] = { presence = "count" } },
  ["@online"] = function(user) perigee.log.info("came " .. user) end,
  ["@offline"] = function(user) perigee.log.info("went " .. user) end,
  info = function(client, data) return client:set_info(data) end,
}
]]

-- Until the client knows that these are there: "ann bob".
local function wait_present(client, room, names)
  t.wait_until(function()
    client:sync()
    local users = {}
    for user in pairs(client:presence(room)) do table.insert(users, user) end
    table.sort(users)
    return table.concat(users, " ") == names
  end)
end

describe("who is there on several machines", function()
  local redis, start, a, b

  setup(function()
    redis = redis_server()
    start = machines_on(redis, { scripts = { ["main.lua"] = script },
      options = { ["redis.probe_s"] = 0.2, ["presence.every_ms"] = 10 } })
  end)

  before_each(function()
    a, b = start(), start()
  end)

  after_each(function()
    a:stop()
    b:stop()
  end)

  teardown(function()
    redis:stop()
  end)

  local function count(server, text)
    return select(2, server:log():gsub(text, ""))
  end

  it("is told in the answer to a join, and when it changes", function()
    local ann = a:connect { user = "ann" }
    ann:join "here:1"
    local bob = b:connect { user = "bob" }
    assert.equal(2, #bob:join("here:1").presence)
    wait_present(ann, "here:1", "ann bob")
    bob:leave "here:1"
    wait_present(ann, "here:1", "ann")
  end)

  it("leaves nothing of it when they have gone", function()
    -- What stands in Redis of which names machines have had entries.
    local function listed()
      local found = {}
      for key in redis:command("--raw KEYS '*names:*'"):gmatch "%S+" do
        table.insert(found, redis:command(("--raw SMEMBERS '%s'"):format(key)))
      end
      return table.concat(found, "\n")
    end

    local jim = a:connect { user = "jim" }
    jim:join "here:9"
    t.wait_until(function()
      local names = listed()
      return names:find "rhere:9\n" and names:find "ujim\n"
    end)
    jim:close()
    t.wait_until(function()
      local names = listed()
      return not names:find "rhere:9\n" and not names:find "ujim\n"
    end)
  end)

  it("counts devices of all machines, and has the infos", function()
    local ann = a:connect { user = "ann" }
    ann:join "here:2"
    local one, other = a:connect { user = "bob" }, b:connect { user = "bob" }
    one:join "here:2"
    other:join "here:2"
    t.wait_until(function()
      ann:sync()
      local bob = ann:presence("here:2").bob
      return bob and bob.devices == 2
    end)
    other:request("info", { mood = "good" })
    t.wait_until(function()
      ann:sync()
      local bob = ann:presence("here:2").bob
      return bob.info and bob.info.mood == "good"
    end)
    one:close()
    t.wait_until(function()
      ann:sync()
      return ann:presence("here:2").bob.devices == 1
    end)
    other:close()
    wait_present(ann, "here:2", "ann")
  end)

  it("is a number, if that is wanted", function()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    ann:join "count:1"
    bob:join "count:1"
    t.wait_until(function()
      ann:sync()
      return ann:presence("count:1").count == 2
    end)
    bob:close()
    t.wait_until(function()
      ann:sync()
      return ann:presence("count:1").count == 1
    end)
  end)

  it("is told once of each user", function()
    local one, other = a:connect { user = "cid" }, b:connect { user = "cid" }
    t.wait_until(function()
      return count(a, "came cid") + count(b, "came cid") == 1
    end)
    one:join "here:9"
    other:join "here:9"
    t.wait_until(function()
      one:sync()
      return one:presence("here:9").cid.devices == 2
    end)
    one:close()
    local dan = b:connect { user = "dan" } -- so long it takes
    t.wait_until(function() return count(b, "came dan") == 1 end)
    assert.equal(0, count(a, "went cid") + count(b, "went cid"))
    other:close()
    t.wait_until(function()
      return count(a, "went cid") + count(b, "went cid") == 1
    end)
    dan:close()
    assert.equal(1, count(a, "came cid") + count(b, "came cid"))
  end)

  -- Two others, which are soon taken for dead.
  local function short_leases()
    a:stop()
    b:stop()
    local options = { ["node.lease_s"] = 3 }
    a, b = start(options), start(options)
  end

  it("is right after a machine was killed", function()
    short_leases()
    local ann = a:connect { user = "ann" }
    ann:join "here:3"
    local bob, both = b:connect { user = "bob" }, b:connect { user = "ann" }
    bob:join "here:3"
    both:join "here:3"
    wait_present(ann, "here:3", "ann bob")
    b:signal "KILL"
    wait_present(ann, "here:3", "ann")
    t.wait_until(function() return count(a, "went bob") == 1 end)
    assert.equal(0, count(a, "went ann"))
    assert.equal(1, ann:presence("here:3").ann.devices)
  end)

  it("is right after a machine stood still", function()
    short_leases()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    ann:join "here:4"
    bob:join "here:4"
    wait_present(ann, "here:4", "ann bob")
    b:signal "STOP"
    wait_present(ann, "here:4", "ann")
    b:signal "CONT"
    wait_present(ann, "here:4", "ann bob")
    wait_present(bob, "here:4", "ann bob")
  end)

  it("is right after Redis has lost it", function()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    ann:join "here:5"
    bob:join "here:5"
    wait_present(ann, "here:5", "ann bob")
    redis:kill()
    b:wait_log "Connection refused"
    local eve = b:connect { user = "eve" }
    eve:join "here:5"
    redis:start()
    wait_present(ann, "here:5", "ann bob eve")
    -- In a cluster the room may be there before the user.
    t.wait_until(function() return count(b, "came eve") > 0 end)
    eve:close()
    wait_present(ann, "here:5", "ann bob")
    t.wait_until(function() return count(b, "went eve") > 0 end)
    assert.equal(1, count(a, "came ann"))
  end)

  it("bounds the connections of a user over all", function()
    local c = start { ["limits.per_user"] = 2, ["heartbeat.timeout_s"] = 1 }
    local one, two = a:connect { user = "fay" }, b:connect { user = "fay" }
    local three = c:connect { auth = false }
    three:send("auth", { token = c:token { sub = "fay" } })
    t.wait_until(function()
      one:sync() -- they live, and say so when they are asked
      two:sync()
      return count(c, "user=fay has too many connections") > 0
    end)
    three:expect_close(4504)
    one:close()
    two:close()
    c:stop()
  end)

  it("leaves one connection of a user, if it may have one", function()
    local options = { ["auth.sessions"] = "single" }
    local c, d = start(options), start(options)
    local one = c:connect { user = "gil" }
    local two = d:connect { user = "gil" }
    one:expect_close(4503)
    two:sync()
    c:stop()
    d:stop()
  end)
end)

describe("who is there on machines that share several Redis", function()
  it("is told on all of them when a machine dies", function()
    local all, urls = {}, {}
    for i = 1, 3 do
      all[i] = redis_server.start()
      urls[i] = all[i].url
    end
    local start = machines_on(nil, { scripts = { ["main.lua"] = script }, options = {
      ["redis.shards"] = table.concat(urls, ","), ["node.lease_s"] = 1, ["redis.probe_s"] = 0.2,
      ["presence.every_ms"] = 10 } })
    local a, b = start(), start()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    for i = 1, 6 do
      ann:join("here:" .. i)
      bob:join("here:" .. i)
      wait_present(ann, "here:" .. i, "ann bob")
    end
    b:signal "KILL"
    b:stop(false)
    for i = 1, 6 do wait_present(ann, "here:" .. i, "ann") end
    a:stop()
    for _, redis in ipairs(all) do redis:stop() end
  end)
end)
