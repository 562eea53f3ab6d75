-- SPDX-License-Identifier: MIT
-- Several machines: rooms with numbers, and what happens to them when the
-- connection to Redis, or what Redis has, is lost.

local machines_on = require "spec.support.machines"
local patient = require "spec.support.patient"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

local script = [[
local perigee = require "perigee"
return {
  ["@rooms"] = {
    ["chat:*"] = { history = { messages = 50, seconds = 600 } },
    ["few"] = { history = { messages = 3, seconds = 600 } },
    ["value:*"] = { latest = true },
  },
  say = function(_, data)
    return perigee.send_to_room(data.room, { type = "said", data = data.text },
      { key = data.key, id = data.id, keep = data.keep })
  end,
  sure = function(_, data)
    local count, seq = perigee.send_to_room(data.room,
      { type = "said", data = data.text }, { id = data.id, confirm = true })
    return { count or "none", seq }
  end,
  many = function(_, data)
    for i = 1, data.count do
      perigee.send_to_room(data.room, { type = "said", data = i })
    end
  end,
  forget = function(_, room) return perigee.forget(room) end,
}
]]

describe("rooms with numbers on several machines", function()
  local redis, a, b

  setup(function()
    redis = redis_server()
    local start = machines_on(redis, { scripts = { ["main.lua"] = script },
      options = { ["limits.messages_per_s"] = 0, ["redis.probe_s"] = 0.2 } })
    a, b = start(), start()
  end)

  teardown(function()
    a:stop()
    b:stop()
    redis:stop()
  end)

  local function join(client, room)
    return (patient(client, "join", { room = room }))
  end

  local function pair(room)
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    return ann, bob, join(ann, room), join(bob, room)
  end

  -- The same.
  local function say(client, room, text)
    repeat
      local _, code = client:try("say", { room = room, text = text, id = room .. text })
    until code ~= "UNAVAILABLE"
  end

  it("have one order and one epoch", function()
    local ann, bob, at_a, at_b = pair "chat:1"
    assert.equal(at_a.epoch, at_b.epoch)
    ann:send("many", { room = "chat:1", count = 100 })
    bob:send("many", { room = "chat:1", count = 100 })
    for seq = 1, 200 do
      local one, other = ann:expect "said", bob:expect "said"
      assert.equal(seq, one.seq)
      assert.equal(seq, other.seq)
      assert.equal(one.data, other.data)
    end
  end)

  it("are recovered at another machine", function()
    local ann, bob, joined = pair "chat:2"
    ann:send("many", { room = "chat:2", count = 20 })
    for _ = 1, 20 do bob:expect "said" end
    bob:close()
    ann:send("many", { room = "chat:2", count = 10 })
    for _ = 1, 30 do ann:expect "said" end
    local cid = a:connect { user = "cid" }
    local answer = cid:request("join", { room = "chat:2",
      since = { epoch = joined.epoch, seq = 20 } })
    assert.same({ true, 30, joined.epoch },
      { answer.recovered, answer.seq, answer.epoch })
    for seq = 21, 30 do
      assert.equal(seq, cid:expect("said").seq)
    end
  end)

  it("are recovered by a machine that has not followed them", function()
    local ann, bob, joined = pair "chat:3"
    ann:send("many", { room = "chat:3", count = 20 })
    for _ = 1, 20 do bob:expect "said" end
    local start = machines_on(redis, { scripts = { ["main.lua"] = script } })
    local c = start()
    local cid = c:connect { user = "cid" }
    local answer = cid:request("join", { room = "chat:3",
      since = { epoch = joined.epoch, seq = 5 } })
    assert.same({ true, 20 }, { answer.recovered, answer.seq })
    for seq = 6, 20 do
      assert.equal(seq, cid:expect("said").seq)
    end
    c:stop()
  end)

  it("keep what their rule says", function()
    local ann, bob, joined = pair "few"
    ann:send("many", { room = "few", count = 20 })
    for _ = 1, 20 do bob:expect "said" end
    local cid = b:connect { user = "cid" }
    assert.is_false(cid:request("join", { room = "few",
      since = { epoch = joined.epoch, seq = 5 } }).recovered)
    local dan = a:connect { user = "dan" }
    assert.is_true(dan:request("join", { room = "few",
      since = { epoch = joined.epoch, seq = 17 } }).recovered)
    assert.equal(18, dan:expect("said").seq)
  end)

  it("hold the newest value of each key", function()
    local ann, bob, joined = pair "value:1"
    for i = 1, 5 do
      ann:request("say", { room = "value:1", key = "x", text = "x" .. i })
    end
    ann:request("say", { room = "value:1", key = "y", text = "y1" })
    for _ = 1, 6 do bob:expect "said" end
    local start = machines_on(redis, { scripts = { ["main.lua"] = script } })
    local c = start()
    local cid = c:connect { user = "cid" }
    assert.is_true(cid:request("join", { room = "value:1",
      since = { epoch = joined.epoch, seq = 0 } }).recovered)
    assert.equal("x5", cid:expect("said").data)
    assert.equal("y1", cid:expect("said").data)
    c:stop()
  end)

  it("publish an id once", function()
    local ann, bob = pair "chat:4"
    ann:request("say", { room = "chat:4", id = "one", text = "first" })
    assert.equal("first", ann:expect("said").data) -- else bob's could be there before
    bob:request("say", { room = "chat:4", id = "one", text = "second" })
    bob:request("say", { room = "chat:4", text = "third" })
    assert.equal("third", ann:expect("said").data)
    ann:request("say", { room = "chat:4", id = "two", keep = false, text = "4" })
    assert.equal("4", ann:expect("said").data)
    bob:request("say", { room = "chat:4", id = "two", keep = false, text = "5" })
    bob:request("say", { room = "chat:4", text = "6" })
    assert.equal("6", ann:expect("said").data)
  end)

  it("answer with the number, if that is wanted", function()
    local ann, bob = pair "chat:9"
    assert.same({ 1, 1 }, ann:request("sure", { room = "chat:9", text = "x" }))
    assert.same({ 1, 2 }, bob:request("sure", { room = "chat:9", text = "y", id = "y" }))
    assert.equal(2, ann:request("sure", { room = "chat:9", text = "z", id = "y" })[2])
    assert.equal("x", ann:expect("said").data)
    assert.equal("y", ann:expect("said").data)
  end)

  it("are forgotten everywhere", function()
    local ann, bob, joined = pair "chat:5"
    ann:request("say", { room = "chat:5", text = "x" })
    ann:expect "said"
    bob:expect "said"
    ann:request("forget", "chat:5")
    local one, other = ann:expect "resync", bob:expect "resync"
    assert.equal(one.data.epoch, other.data.epoch)
    assert.not_equal(joined.epoch, one.data.epoch)
    ann:request("say", { room = "chat:5", text = "y" })
    assert.equal(1, bob:expect("said").seq)
  end)

  it("miss nothing when Redis cuts everybody off", function()
    local ann, bob = pair "chat:6"
    for i = 1, 5 do
      say(ann, "chat:6", i)
      redis:command "CLIENT KILL TYPE pubsub"
    end
    for i = 1, 5 do
      assert.equal(i, bob:expect("said", nil, 10).seq)
      assert.equal(i, ann:expect("said", nil, 10).seq)
    end
  end)

  it("are told that what Redis had is lost", function()
    local ann, bob, joined = pair "chat:7"
    for i = 1, 5 do ann:request("say", { room = "chat:7", text = i }) end
    for _ = 1, 5 do
      ann:expect "said"
      bob:expect "said"
    end
    redis:kill()
    local rooms = 0
    t.wait_until(function()
      rooms = rooms + 1
      local _, code = ann:try("join", { room = "chat:new" .. rooms })
      return code == "UNAVAILABLE"
    end)
    redis:start()
    local one, other = ann:expect("resync", nil, 10), bob:expect("resync", nil, 10)
    assert.equal(one.data.epoch, other.data.epoch)
    assert.not_equal(joined.epoch, one.data.epoch)
    say(ann, "chat:7", "again")
    assert.equal("again", bob:expect("said").data)
    assert.equal("again", ann:expect("said").data)
  end)

  it("are told when all of it is deleted", function()
    local ann, bob = pair "chat:8"
    for i = 1, 5 do ann:request("say", { room = "chat:8", text = i }) end
    for _ = 1, 5 do
      ann:expect "said"
      bob:expect "said"
    end
    redis:command "FLUSHALL"
    ann:request("say", { room = "chat:8", text = "again" })
    for _, client in ipairs { ann, bob } do
      local told = client:expect("resync").data
      if told.seq == 0 then -- it was noticed before that
        assert.equal(1, client:expect("said").seq)
      else
        assert.equal(1, told.seq)
      end
    end
  end)

  -- What a subscriber that has lost messages, and does not know, finds: the
  -- script changes what Redis has of a room, and tells nobody.
  local function change(room, text)
    local keys = {}
    for _, kind in ipairs { "h", "m" } do
      keys[#keys + 1] = redis:command("--scan --pattern '*:" .. kind .. ":" .. room .. "'")
        :match "%S+"
    end
    local answer = redis:command(([[EVAL "%s" 2 '%s' '%s']]):format(text, keys[1], keys[2]))
    assert.not_matches("ERR", answer)
  end

  it("find what was lost without a word, and heal it", function()
    local ann, bob = pair "chat:10"
    ann:request("say", { room = "chat:10", text = "x" })
    assert.equal(1, ann:expect("said").seq)
    assert.equal(1, bob:expect("said").seq)
    change("chat:10", [[
      local last = redis.call('LINDEX', KEYS[1], 0)
      redis.call('HINCRBY', KEYS[2], 'o', 1)
      return redis.call('LPUSH', KEYS[1], '2' .. string.sub(last, 2))]])
    assert.equal(2, ann:expect("said", nil, 60).seq)
    assert.equal(2, bob:expect("said", nil, 60).seq)
    ann:request("say", { room = "chat:10", text = "y" })
    assert.equal(3, bob:expect("said").seq)
  end)

  it("find that what they have seen is gone", function()
    local ann, bob, joined = pair "chat:11"
    for i = 1, 2 do
      ann:request("say", { room = "chat:11", text = "x" })
      assert.equal(i, ann:expect("said").seq)
      assert.equal(i, bob:expect("said").seq)
    end
    change("chat:11", [[
      redis.call('LPOP', KEYS[1])
      return redis.call('HINCRBY', KEYS[2], 'o', -1)]])
    local one, other = ann:expect("resync", nil, 60), bob:expect("resync", nil, 60)
    assert.equal(one.data.epoch, other.data.epoch)
    assert.not_equal(joined.epoch, one.data.epoch)
  end)
end)
