-- SPDX-License-Identifier: MIT
-- Several machines: what Redis has acknowledged, and lost before any member
-- heard it. The machine that had the answer knows, and all members are told.

local machines_on = require "spec.support.machines"
local patient = require "spec.support.patient"
local redis_server = require "spec.support.redis"
local redis_set = require "spec.support.redis_set"
local t = require "perigee.testing"

local script = [[
local perigee = require "perigee"
return {
  ["@rooms"] = {
    ["chat:*"] = { history = { messages = 50, seconds = 600 } },
    ["value:*"] = { latest = true },
    ["here:*"] = { presence = true },
  },
  sure = function(_, data)
    local count, seq, text = perigee.send_to_room(data.room,
      { type = "said", data = data.text },
      { id = data.id, key = data.key, confirm = true })
    if not count then return nil, seq, text end
    return seq
  end,
  who = function(_, room) return perigee.presence(room) end,
}
]]

local redis, a, b

local function start_on(server)
  redis = server
  local start = machines_on(redis, { scripts = { ["main.lua"] = script },
    options = { ["limits.messages_per_s"] = 0, ["redis.probe_s"] = 0.2 } })
  a, b = start { ["node.name"] = "a" }, start { ["node.name"] = "b" }
end

local function stop_all()
  a:stop()
  b:stop()
  redis:stop()
end

-- Returns the number.
local function say(client, data)
  return (patient(client, "sure", data))
end

-- ann at one machine is in the room, bob at the other is not. Returns them,
-- and what ann was told.
local function begin(data)
  local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
  local joined = assert(patient(ann, "join", { room = data.room }))
  assert.equal(1, say(bob, data))
  assert.equal(1, ann:expect("said").seq)
  redis:command "SAVE"
  return ann, bob, joined
end

local function cut_off(name)
  for _, server in ipairs(redis.servers or { redis }) do
    for id in server:command "CLIENT LIST":gmatch("id=(%d+)[^\n]* name=perigee%-" .. name) do
      server:command("CLIENT KILL ID " .. id)
    end
  end
end

-- Redis has what it had when it was saved, as a replica may that was behind.
-- ann's machine stands still, and is cut off, so it has not heard what bob
-- says meanwhile; what has an id, he says once more. `before` is called with
-- Redis back, and nobody there yet.
local function lose(bob, data, before)
  a:signal "STOP"
  cut_off "a"
  for _ = 1, data.id and 2 or 1 do assert.equal(2, say(bob, data)) end
  b:signal "STOP"
  redis:kill()
  redis:start()
  if before then before() end
  a:signal "CONT"
  b:signal "CONT"
end

-- All are in a new epoch, with what is said in it.
local function assert_told(ann, bob, joined, data)
  local told = ann:expect("resync", nil, 10).data
  assert.not_equal(joined.epoch, told.epoch)
  say(bob, data)
  ann:expect("said", data.text, 10)
end

-- Changes what Redis has of the room, and tells nobody.
local function change(room, text)
  local keys = {}
  for _, kind in ipairs { room:match "^value" and "k" or "h", "m" } do
    keys[#keys + 1] = redis:command("--scan --pattern '*:" .. kind .. ":" .. room .. "'")
      :match "%S+"
  end
  local answer = redis:command(([[EVAL "%s" 2 '%s' '%s']]):format(text, keys[1], keys[2]))
  assert.not_matches("ERR", answer)
end

-- Somebody else's message has the number 2 now, and nobody hears of that.
local function give_again(room)
  change(room, [[
    local last = redis.call('LINDEX', KEYS[1], 0)
    redis.call('HINCRBY', KEYS[2], 'o', 1)
    return redis.call('LPUSH', KEYS[1], '2' .. string.sub(last, 2))]])
end

-- As a master does whose replicas are away.
local function refuse_writes(do_so)
  for _, server in ipairs(redis.servers or { redis }) do
    server:command("CONFIG SET min-replicas-to-write " .. (do_so and 1 or 0))
  end
end

describe("a publication that Redis has acknowledged and lost", function()
  setup(function() start_on(redis_server()) end)
  teardown(stop_all)

  it("is told of", function()
    local ann, bob, joined = begin { room = "chat:1", text = "x" }
    lose(bob, { room = "chat:1", text = "y" })
    assert_told(ann, bob, joined, { room = "chat:1", text = "z" })
  end)

  it("is told of when its number was given again", function()
    local ann, bob, joined = begin { room = "chat:2", text = "x" }
    lose(bob, { room = "chat:2", text = "y" }, function() give_again "chat:2" end)
    assert_told(ann, bob, joined, { room = "chat:2", text = "z" })
  end)

  it("is told of when its id was known, and its number was given again", function()
    local ann, bob, joined = begin { room = "chat:6", text = "x" }
    lose(bob, { room = "chat:6", text = "y", id = "y" }, function() give_again "chat:6" end)
    assert_told(ann, bob, joined, { room = "chat:6", text = "z" })
  end)

  -- Else ann's machine took what comes after it for the next message.
  it("is told of where Redis could not be read at first", function()
    local data = { room = "chat:7", text = "x" }
    local cat = a:connect { user = "cat" }
    local ann, bob, joined = begin(data)
    assert.equal(2, say(ann, { room = "chat:7", text = "y" }))
    ann:expect("said", "y")
    local before = #a:log()
    a:signal "STOP"
    b:signal "STOP"
    redis:kill()
    redis:start()
    give_again "chat:7"
    refuse_writes(true)
    a:signal "CONT"
    b:signal "CONT"
    a:wait_log("redis=[^\n]* up:", before)
    local _, code = cat:try("join", { room = "chat:8" }) -- read after ann's room
    refuse_writes(false)
    assert.equal("UNAVAILABLE", code)
    assert.equal(3, say(bob, data))
    assert_told(ann, bob, joined, { room = "chat:7", text = "z" })
  end)

  it("is told of in a room of values", function()
    local ann, bob, joined = begin { room = "value:1", key = "k", text = "x" }
    lose(bob, { room = "value:1", key = "l", text = "y" }, function()
      change("value:1", [[return redis.call('HINCRBY', KEYS[2], 'o', 7)]])
    end)
    assert_told(ann, bob, joined, { room = "value:1", key = "k", text = "z" })
  end)

  it("is told of in a room of values when its id was known", function()
    local ann, bob, joined = begin { room = "value:3", key = "k", text = "x" }
    lose(bob, { room = "value:3", key = "l", text = "y", id = "y" }, function()
      change("value:3", [[return redis.call('HINCRBY', KEYS[2], 'o', 7)]])
    end)
    assert_told(ann, bob, joined, { room = "value:3", key = "k", text = "z" })
  end)

  it("is told of in a room of values where somebody has heard it", function()
    local ann, bob, joined = begin { room = "value:2", key = "k", text = "x" }
    bob:join "value:2"
    lose(bob, { room = "value:2", key = "l", text = "y" }, function()
      change("value:2", [[return redis.call('HINCRBY', KEYS[2], 'o', 7)]])
    end)
    bob:expect("said", "y")
    bob:expect("resync", nil, 10)
    assert_told(ann, bob, joined, { room = "value:2", key = "k", text = "z" })
  end)

  -- The id says where the room is, and nobody hears of that.
  it("is told of where the room is followed", function()
    local data = { room = "chat:3", text = "x", id = "x" }
    local ann, bob, joined = begin(data)
    bob:join "chat:3"
    change("chat:3", [[return redis.call('HINCRBY', KEYS[2], 'o', 1)]])
    assert.equal(1, say(bob, data))
    change("chat:3", [[return redis.call('HINCRBY', KEYS[2], 'o', -1)]])
    assert.equal(1, say(bob, data))
    bob:expect "resync"
    assert_told(ann, bob, joined, { room = "chat:3", text = "z" })
  end)

  -- As a master of a cluster that has stood still does when another one has
  -- taken its place: who is subscribed there hears it.
  it("is told of when another message was heard with its number", function()
    local ann, bob, joined = begin { room = "chat:5", text = "x" }
    local key = redis:command "--scan --pattern '*:m:chat:5'":match "%S+"
    local channel, publish = "pg:r:chat:5", "PUBLISH"
    if redis.servers then channel, publish = (key:gsub(":m:", ":r:")), "SPUBLISH" end
    change("chat:5", ([[
      local era = redis.call('HGET', KEYS[2], 'e')
      local last = redis.call('LINDEX', KEYS[1], 0)
      return redis.call('%s', '%s', era .. ':2' .. string.sub(last, 2))]])
      :format(publish, channel))
    assert.equal(2, ann:expect("said").seq)
    assert.equal(2, say(bob, { room = "chat:5", text = "y" }))
    assert_told(ann, bob, joined, { room = "chat:5", text = "z" })
  end)

  it("is not claimed when nothing was lost", function()
    local ann, bob = begin { room = "chat:4", text = "x" }
    for i = 2, 10 do
      assert.equal(i, say(bob, { room = "chat:4", text = i, id = "i" .. i }))
      cut_off(i % 2 == 0 and "a" or "b")
    end
    for i = 2, 10 do assert.equal(i, ann:expect("said", nil, 10).seq) end
    ann:sync()
    assert.same({}, ann.inbox)
  end)
end)

describe("a slot that has lost something on its way", function()
  setup(function() start_on(redis_set.cluster()) end)
  teardown(stop_all)

  it("is found by who had the answer", function()
    local ann, bob, joined = begin { room = "chat:1", text = "x" }
    local key = redis:command "--scan --pattern '*:m:chat:1'":match "%S+"
    local slot = tonumber(redis.servers[1]:command("CLUSTER KEYSLOT '" .. key .. "'"):match "%d+")
    local _, at = redis:owner(slot)
    a:signal "STOP"
    cut_off "a"
    assert.equal(2, say(bob, { room = "chat:1", text = "y" }))
    redis:move(slot, redis.servers[at % 3 + 1], function()
      change("chat:1", [[
        redis.call('LPOP', KEYS[1])
        return redis.call('HINCRBY', KEYS[2], 'o', -1)]])
    end)
    a:signal "CONT"
    assert_told(ann, bob, joined, { room = "chat:1", text = "z" })
  end)
end)

describe("what a former master publishes late", function()
  setup(function() start_on(redis_set.cluster(1)) end)
  teardown(stop_all)

  -- Stops the master that has the slot, with the command in its socket, until
  -- another one has its place. Returns what the command is answered then.
  local function ask_late(slot, command)
    local former, taker = redis:owner(slot), nil
    former:signal "STOP"
    local waiting = io.popen(("timeout 60 redis-cli -s %s %s 2>&1"):format(former.socket, command))
    local pid = former.pid
    former.pid = nil -- it is not asked
    t.wait_until(function()
      taker = redis:owner(slot)
      return taker
    end, 30)
    local place = "redis=127%.0%.0%.1:" .. taker.options.port .. " up"
    a:wait_log(place)
    b:wait_log(place)
    former.pid = pid
    former:signal "CONT"
    local answer = waiting:read "a"
    waiting:close()
    redis:wait()
    return answer
  end

  it("does not leave anybody behind who is not there", function()
    local ann = a:connect { user = "ann" }
    ann:join "here:1"
    b:connect { user = "bob" }:join "here:1"
    local function is_there(user)
      for _, one in ipairs(ann:request("who", "here:1")) do
        if one.user == user then return true end
      end
      return false
    end
    t.wait_until(function() return is_there "bob" end)
    local channel = redis:command "PUBSUB SHARDCHANNELS '*:r:here:1'":match "pg:%S+"
    local slot = redis.servers[1]:command("CLUSTER KEYSLOT '" .. channel .. "'"):match "%d+"
    local machine
    for key in redis:command "--scan --pattern '*:rp:*:here:1:*'":gmatch "pg:%S+" do
      local has = ("\n" .. redis:command("HEXISTS '" .. key .. "' bob")):find "\n1\n"
      machine = has and key:match "%x+$" or machine
    end
    local answer = ask_late(tonumber(slot),
      ("SPUBLISH '%s' D%s3:zed1"):format(channel, machine))
    if not answer:match "^%d" then return end -- it knew that it is none any more
    t.wait_until(function() return not is_there "zed" and is_there "bob" end)
  end)
end)
