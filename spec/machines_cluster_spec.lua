-- SPDX-License-Identifier: MIT
-- Several machines on a Redis Cluster whose slots move, and whose masters die.
-- PERIGEE_FAULTS is how many faults there are at last, PERIGEE_SEED which.

local admin = require "spec.support.admin"
local faults = require "spec.support.faults"
local listener = require "spec.support.listener"
local machines_on = require "spec.support.machines"
local redis_set = require "spec.support.redis_set"
local t = require "perigee.testing"

local FAULTS = tonumber(os.getenv "PERIGEE_FAULTS") or 12
local SEED = tonumber(os.getenv "PERIGEE_SEED") or os.time()

local script = [[
local perigee = require "perigee"
return {
  ["@rooms"] = { ["chat:*"] = { history = { messages = 500, seconds = 600 },
    presence = true } },
  say = function(_, data)
    local count, seq = perigee.send_to_room(data.room,
      { type = "said", data = data.text }, { id = data.id, confirm = data.confirm })
    return { count or "none", seq }
  end,
}
]]

-- The slot of a room that is followed.
local function slot_of(set, room)
  local channel
  for _, server in ipairs(set.servers) do
    channel = channel or server:command("PUBSUB SHARDCHANNELS '*:r:" .. room .. "'"):match "pg:%S+"
  end
  return tonumber(set.servers[1]:command("CLUSTER KEYSLOT '" .. channel .. "'"):match "%d+")
end

-- Another master than the one that has it.
local function other_owner(set, slot)
  local _, at = set:owner(slot)
  return set.servers[at % 3 + 1]
end

-- Until everything that was said is heard: the texts, in the order of seq, with
-- nothing between.
local function hear(client, from, count)
  local heard = {}
  for seq = from, from + count - 1 do
    local message = client:expect "said"
    assert.equal(seq, message.seq)
    table.insert(heard, message.data)
  end
  return heard
end

describe("machines on a cluster whose slots move", function()
  local set, a, b

  setup(function()
    set = redis_set.cluster()
    -- As docs/machines.md has it.
    set:command("ACL SETUSER perigee on '>secret' '~pg:*' '&pg:*' +@all -@admin " ..
      "-@dangerous +info +role")
    set.url = set.url:gsub("//", "//perigee:secret@", 1)
    local start = machines_on(set, { scripts = { ["main.lua"] = script },
      options = { ["limits.messages_per_s"] = 0, ["redis.probe_s"] = 0.2 } })
    a, b = start(), start()
  end)

  teardown(function()
    a:stop()
    b:stop()
    set:stop()
  end)

  local function pair(room)
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    ann:join(room)
    bob:join(room)
    return ann, bob
  end

  -- How often the nodes have refused a command so.
  local function refusals(word)
    local count, pattern = 0, 'errors_total{shard="[^"]*",error="' .. word .. '"} (%d+)'
    for n in select(2, admin.get(a, "/metrics")):gmatch(pattern) do count = count + n end
    return count
  end

  it("lose nothing of a room with history, and keep its order", function()
    local ann, bob = pair "chat:1"
    local slot, said = slot_of(set, "chat:1"), {}
    local function talk(count, with_id)
      for _ = 1, count do
        local text = tostring(#said + 1)
        table.insert(said, text)
        ann:send("say", { room = "chat:1", text = text,
          id = with_id and #said % 2 == 0 and text or nil })
      end
    end
    local round = 0
    -- Else nothing was tried: it is chance whether a command or the map is first.
    while round < 6 or round < 60 and (refusals "MOVED" == 0 or refusals "TRYAGAIN" == 0) do
      round = round + 1
      talk(20, round % 2 == 0)
      set:move(slot, other_owner(set, slot), function()
        talk(20, round % 2 == 0)
        ann:sync()
      end)
      talk(20, round % 2 == 0)
    end
    for _, client in ipairs { ann, bob } do
      assert.same(said, hear(client, 1, #said))
      client:expect_nothing "resync"
    end
    assert.equal("ok\n", select(2, admin.get(a, "/healthz")))
    assert.is_true(refusals "MOVED" > 0 and refusals "TRYAGAIN" > 0)
  end)

  it("answer those who join while a slot is on its way", function()
    local ann = pair "chat:2"
    local slot = slot_of(set, "chat:2")
    for i = 1, 5 do ann:request("say", { room = "chat:2", text = tostring(i), confirm = true }) end
    local cid = b:connect { user = "cid" }
    set:move(slot, other_owner(set, slot), function()
      cid:send("join", { room = "chat:2" }, 77)
    end)
    local answer
    t.wait_until(function()
      cid:sync()
      for _, message in ipairs(cid.inbox) do
        if message.id == 77 then answer = message end
      end
      return answer
    end)
    assert.equal(5, answer.data.seq)
    ann:request("say", { room = "chat:2", text = "6", confirm = true })
    assert.equal("6", cid:expect("said").data)
  end)

  it("hear rooms without history and users again", function()
    local ann, bob = pair "live"
    local slot = slot_of(set, "live")
    set:move(slot, other_owner(set, slot))
    t.wait_until(function()
      ann:request("say", { room = "live", text = "x" })
      return pcall(bob.expect, bob, "said", "x", 0.2)
    end)
  end)
end)

describe("machines on a cluster whose masters die", function()
  local set, a, b

  setup(function()
    set = redis_set.cluster(1)
    local start = machines_on(set, { scripts = { ["main.lua"] = script },
      options = { ["limits.messages_per_s"] = 0, ["redis.probe_s"] = 0.2,
        ["redis.timeout_s"] = 1, ["node.lease_s"] = 60 } })
    a, b = start(), start()
  end)

  teardown(function()
    a:stop()
    b:stop()
    set:stop()
  end)

  -- Until the room has been told it.
  local function say(client, room, text)
    t.wait_until(function()
      local answer = client:try("say", { room = room, text = text, id = text,
        confirm = true })
      return answer and answer[1] ~= "none"
    end, 30)
  end

  -- What is said until the fault is over is heard by bob once and in order, but
  -- what is told to be lost.
  local function check(room, fault)
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    ann:join(room)
    bob:join(room)
    for i = 1, 10 do say(ann, room, "before " .. i) end
    assert.equal(10, #hear(bob, 1, 10))
    fault(set:owner(slot_of(set, room)))
    for i = 1, 10 do say(ann, room, "after " .. i) end
    local heard, next_one, resyncs = {}, 11, 0
    t.wait_until(function()
      bob:sync()
      for _, message in ipairs(bob.inbox) do
        if message.type == "resync" then
          next_one, resyncs = message.data.seq + 1, resyncs + 1
        elseif message.type == "said" then
          assert.equal(next_one, message.seq)
          assert.is_nil(heard[message.data], message.data)
          next_one, heard[message.data] = next_one + 1, true
        end
      end
      bob.inbox = {}
      return heard["after 10"]
    end, 30)
    t.wait_until(function()
      bob:sync()
      local there = bob:presence(room)
      return there.ann and there.bob
    end)
    for _, server in ipairs { a, b } do
      t.wait_until(function()
        return select(2, admin.get(server, "/healthz")) == "ok\n"
      end, 30)
    end
    return resyncs
  end

  it("follow a master that hands over", function()
    assert.equal(0, check("chat:1", function(master)
      local id = set.id(master)
      for _, server in ipairs(set.servers) do
        local nodes = server:command "CLUSTER NODES"
        if nodes:match("myself,slave " .. id) then server:command "CLUSTER FAILOVER" end
      end
      t.wait_until(function()
        return master:command "ROLE":match "slave"
      end)
    end))
  end)

  it("follow when one is killed, and take it back", function()
    check("chat:2", function(master) master:kill() end)
    for _, server in ipairs(set.servers) do
      if not server.pid then server:start() end
    end
    set:wait()
  end)

  it("follow when one stands still, and take it back", function()
    local stopped
    check("chat:3", function(master)
      stopped = master
      master:signal "STOP"
    end)
    stopped:signal "CONT"
    set:wait()
    check("chat:4", function() end)
  end)
end)

describe("machines on a cluster that breaks", function()
  it("lose nothing without a word", function()
    math.randomseed(SEED)
    local set = redis_set.cluster(1)
    local start = machines_on(set, { scripts = { ["main.lua"] = script },
      options = { ["limits.messages_per_s"] = 0, ["limits.per_user"] = 0,
        ["redis.probe_s"] = 0.2, ["redis.timeout_s"] = 1, ["node.lease_s"] = 5 } })
    local servers, members, all, said = {}, {}, { seed = SEED }, 0
    for i = 1, 3 do servers[i] = start() end
    for i = 1, 6 do
      members[i] = listener.new("m" .. i, "chat:1", all)
      members[i]:come(servers)
    end
    local slot = slot_of(set, "chat:1")

    local function talk(count)
      for _ = 1, count do
        said = said + 1
        local client = members[math.random(#members)].client
        pcall(client.send, client, "say", { room = "chat:1", text = tostring(said),
          id = tostring(said) })
      end
    end

    -- Those whose master is not there wait for another one.
    local function revive()
      for _, server in ipairs(set.servers) do
        if not server.pid then server:start() end
      end
      set:wait()
    end

    local function master() return (set:owner(math.random(2) == 1 and slot or 1)) end

    local breaks = {
      function()
        local at = set.servers[math.random(#set.servers)]
        if at:command "ROLE":match "^master" and at ~= set:owner(slot) and
          at:command "CLUSTER NODES":match "myself[^\n]*connected %d" then
          set:move(slot, at, function() talk(10) end)
        end
      end,
      function()
        local one = master()
        one:kill()
        talk(10)
        t.wait_until(function() return set:owner(slot) and set:owner(1) end, 30)
        revive()
      end,
      function()
        local one = master()
        one:kill()
        one:start() -- before anybody has taken its place: it has forgotten all
        set:wait()
      end,
      function()
        faults.pause({ master() }, 0.3, 8)()
        set:wait()
      end,
      faults.command(set, "CLIENT KILL TYPE pubsub"),
      faults.command(set, "CLIENT KILL TYPE normal"),
      faults.command(set, "SCRIPT FLUSH"),
      faults.command(set, "FLUSHALL"),
      faults.replace(servers, start),
    }

    for _ = 1, FAULTS do
      talk(math.random(20))
      breaks[math.random(#breaks)]()
      talk(math.random(20))
      listener.hear(members, servers)
    end

    local heard, gaps = listener.agree(members, servers, function() talk(1) end)
    print(("seed %d: %d faults, %d said, %d heard, %d gaps that were told"):format(
      SEED, FAULTS, said, heard, gaps))
    for _, server in ipairs(servers) do server:stop() end
    set:stop()
  end)
end)
