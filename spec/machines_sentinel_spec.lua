-- SPDX-License-Identifier: MIT
-- Several machines on a Redis that is looked after by Sentinels; and what they
-- say of a cluster that is taken for one Redis.

local admin = require "spec.support.admin"
local machines_on = require "spec.support.machines"
local ports = require "spec.support.ports"
local redis_server = require "spec.support.redis"
local redis_set = require "spec.support.redis_set"
local t = require "perigee.testing"

local script = [[
local perigee = require "perigee"
return {
  ["@rooms"] = { ["chat:*"] = { history = { messages = 50, seconds = 600 } } },
  say = function(_, data)
    return perigee.send_to_room(data.room, { type = "said", data = data.text })
  end,
}
]]

describe("machines on Sentinels", function()
  local set, a, b

  setup(function()
    set = redis_set.sentinels()
    local start = machines_on(set, { scripts = { ["main.lua"] = script },
      options = { ["limits.messages_per_s"] = 0, ["redis.probe_s"] = 0.2,
        ["redis.timeout_s"] = 1 } })
    a, b = start(), start()
  end)

  teardown(function()
    a:stop()
    b:stop()
    set:stop()
  end)

  -- Until the room can be told something.
  local function say(client, room, text)
    t.wait_until(function()
      local _, code = client:try("say", { room = room, text = text })
      return code == nil
    end)
  end

  it("follow the master to another place", function()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    ann:join "live"
    bob:join "live"
    bob:join "chat:1"
    say(ann, "chat:1", "before")
    assert.equal("before", bob:expect("said").data)
    t.wait_until(function() -- else there is nobody to take its place
      return set.servers[2]:command "INFO replication":match "master_link_status:up"
    end)
    set.servers[1]:kill()
    local place = "redis=127.0.0.1:" .. set.servers[2].options.port .. " up"
    a:wait_log(place)
    b:wait_log(place)
    say(ann, "chat:1", "after")
    assert.equal("after", bob:expect("said").data)
    t.wait_until(function()
      ann:try("say", { room = "live", text = "x" })
      return pcall(bob.expect, bob, "said", "x", 0.2)
    end)
  end)
end)

describe("machines on a cluster", function()
  local set

  setup(function() set = redis_set.cluster() end)
  teardown(function() set:stop() end)

  local function say_of(url)
    return t.server { options = { engine = "redis", ["redis.url"] = url } }
  end

  it("say how its URL is written", function()
    local server = say_of("redis://127.0.0.1:" .. set.servers[1].options.port)
    server:wait_log "it is a node of a cluster: write redis%+cluster://"
    server:stop()
  end)

  it("say when it is none", function()
    local lone = redis_server.start { port = ports.free(), bind = "127.0.0.1" }
    local server = say_of("redis+cluster://127.0.0.1:" .. lone.options.port)
    server:wait_log "node 127.0.0.1:%d+: ERR This instance has cluster support disabled"
    assert.matches("^degraded\nredis=127.0.0.1:%d+ for", select(2, admin.get(server, "/healthz")))
    server:stop()
    lone:stop()
  end)
end)
