-- SPDX-License-Identifier: MIT
-- Three machines behind the balancers of packaging/machines, where these are
-- installed: no stickiness, and a restart that loses nothing.

local admin = require "spec.support.admin"
local balancers = require "spec.support.balancer"
local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

local script = [[
local perigee = require "perigee"
return {
  ["@rooms"] = { ["chat:*"] = { history = { messages = 500, seconds = 600 } } },
  say = function(_, data)
    return perigee.send_to_room(data.room, { type = "said", data = data.text })
  end,
}
]]

for _, name in ipairs { "haproxy", "nginx" } do
  describe("machines behind " .. name, function()
    if not balancers.is_there(name) then
      pending(name .. " is not installed")
      return
    end

    local redis, start, machines, balancer
    local options = { ["limits.messages_per_s"] = 0, ["redis.probe_s"] = 0.2,
      ["proxy.trusted"] = "127.0.0.1", ["shutdown.notice_s"] = 1,
      ["shutdown.drain_s"] = 1 }

    setup(function()
      redis = redis_server()
      start = machines_on(redis, { scripts = { ["main.lua"] = script },
        options = options })
      machines = { start(), start(), start() }
      balancer = balancers.start(name, machines)
    end)

    teardown(function()
      balancer:stop()
      for _, machine in ipairs(machines) do
        if machine:is_running() then machine:signal "KILL" end
        machine:stop(false)
      end
      redis:stop()
    end)

    -- How many have at least one of the clients that came by the balancer.
    local function machines_used()
      local used = 0
      for _, machine in ipairs(machines) do
        used = used + (admin.metric(machine, 'perigee_connections{worker="1"}') > 0 and 1 or 0)
      end
      return used
    end

    it("share the clients, who meet in a room", function()
      local clients = {}
      for i = 1, 6 do
        clients[i] = balancer:connect { user = "user-" .. i }
        clients[i]:join "chat:all"
      end
      assert.equal(3, machines_used())
      for i = 1, 6 do
        clients[i]:request("say", { room = "chat:all", text = i })
      end
      -- Each machine sends by a connection of its own; the room has one order.
      local order = {}
      for i, client in ipairs(clients) do
        order[i] = {}
        for at = 1, 6 do order[i][at] = client:expect("said").data end
        assert.same(order[1], order[i])
      end
      table.sort(order[1])
      assert.same({ 1, 2, 3, 4, 5, 6 }, order[1])
    end)

    it("may be restarted one after the other: who comes back misses nothing", function()
      local said, heard, since = 0, 0, nil
      local function say(speaker)
        said = said + 1
        speaker:request("say", { room = "chat:move", text = said })
      end
      -- A member by the balancer that hears all there is, and goes again.
      local function visit()
        local member = balancer:connect { user = "member" }
        local reply = member:join("chat:move", { since = since })
        assert.is_true(not since or reply.recovered)
        local speaker = balancer:connect { user = "speaker" }
        say(speaker)
        while heard < said do
          heard = heard + 1
          assert.equal(heard, member:expect("said").data)
        end
        since = member:position "chat:move"
        return member, speaker
      end
      for i, machine in ipairs(machines) do
        local member, speaker = visit()
        machine:signal "TERM"
        say(speaker) -- in the time of shutdown.notice_s
        t.wait_until(function() return not machine:is_running() end)
        member:drop()
        speaker:drop()
        visit()
        local listen = "127.0.0.1:" .. machine.port
        machine:stop(false)
        machines[i] = start { listen = listen }
      end
      visit()
      assert.equal(10, heard)
    end)
  end)
end
