-- SPDX-License-Identifier: MIT
-- Much to do at once: everybody has a turn.

local frames = require "spec.support.frames"
local t = require "perigee.testing"

local TIMES = 40

local script = ([[
local perigee = require "perigee"
local done = 0

-- Some time of the processor. The first one tells bob.
local function work()
  if done == 0 then perigee.send_to_user("bob", { type = "begun" }) end
  local stop = perigee.now() + 0.05
  while perigee.now() < stop do end
  done = done + 1
  return done
end
local function each(start)
  for _ = 1, TIMES do start() end
end

return {
  done = function() return done end,
  work = work,
  nap = function() perigee.sleep(0.05) end,
  spawn = function() each(function() perigee.spawn(work) end) end,
  after = function() each(function() perigee.after(0.01, work) end) end,
  every = function() each(function() perigee.every(0.01, work) end) end,
  sleep = function()
    each(function()
      perigee.spawn(function() perigee.sleep(0.01) work() end)
    end)
  end,
  kick = function(_, user) return perigee.kick(user) end,
  order = function(client, i)
    local order = client.state.order or {}
    order[#order + 1] = i
    client.state.order = order
    local stop = perigee.now() + 0.005
    while perigee.now() < stop do end
  end,
  ordered = function(client) return client.state.order end,
  ["@disconnect"] = function(client)
    if client.user_id == "crowd" then work() end
  end,
  ["@leave"] = function(client) if client.user_id == "member" then work() end end,
}
]]):gsub("TIMES", TIMES)

local server, bob

before_each(function()
  server = t.server { scripts = { ["main.lua"] = script },
    options = { ["limits.per_user"] = 0, ["limits.per_ip"] = 0 } }
  bob = server:connect "bob"
end)
after_each(function() server:stop() end)

-- What waits to be written leaves with the turn: if bob hears of the beginning
-- and is answered before the end, the turn was his.
local function others_have_their_turn()
  bob:expect "begun"
  local done = bob:request "done"
  assert.is_true(done < TIMES, done .. " are done")
  t.wait_until(function() return bob:request "done" >= TIMES end)
end

-- All of them in one packet.
local function send_at_once(user, messages)
  local peer = frames.connect(server, "/ws")
  local packet = { frames.text(t.encode { type = "auth",
    data = { token = server:token { sub = user } } }) }
  for _, message in ipairs(messages) do
    table.insert(packet, frames.text(t.encode(message)))
  end
  peer:send(table.concat(packet))
  return peer
end

local function many(message, before)
  local messages = { before }
  for _ = 1, TIMES do
    table.insert(messages, message)
  end
  return messages
end

describe("Others have their turn while there is much to do:", function()
  it("messages of one client", function()
    send_at_once("alice", many { type = "work" })
    others_have_their_turn()
  end)

  it("messages that waited for a handler", function()
    send_at_once("alice", many({ type = "work" }, { type = "nap" }))
    others_have_their_turn()
  end)

  it("messages of a client that has gone", function()
    local peer = send_at_once("alice", many { type = "work" })
    bob:expect "begun"
    peer:send(frames.close(1000))
    local done = bob:request "done"
    assert.is_true(done < TIMES, done .. " are done")
    t.wait_until(function() return bob:request "done" >= TIMES end)
  end)

  for _, kind in ipairs { "spawn", "after", "every", "sleep" } do
    it(kind, function()
      bob:send(kind)
      others_have_their_turn()
    end)
  end

  it("@disconnect", function()
    for _ = 1, TIMES do
      server:connect "crowd"
    end
    assert.equal(TIMES, bob:request("kick", "crowd"))
    others_have_their_turn()
  end)

  it("@leave", function()
    local member = server:connect "member"
    for i = 1, TIMES do
      member:request("join", { room = "r" .. i })
    end
    assert.equal(1, bob:request("kick", "member"))
    others_have_their_turn()
  end)
end)

it("A client's messages keep their order when they wait", function()
  local messages = {}
  for i = 1, 80 do
    messages[i] = { type = "order", data = i }
  end
  table.insert(messages, { type = "ordered", id = 1 })
  local peer = send_at_once("alice", messages)
  local answer
  repeat answer = t.decode(peer:receive().payload) until answer.id == 1
  local expected = {}
  for i = 1, 80 do
    expected[i] = i
  end
  assert.same(expected, answer.data)
end)

it("A server ends while messages wait for their turn", function()
  local peer = send_at_once("alice", many { type = "work" })
  bob:expect "begun"
  peer:send(frames.close(1000))
  assert.equal(0, server:stop())
end)
