-- SPDX-License-Identifier: MIT
-- Several machines: which there are, and what the operator is told.

local admin = require "spec.support.admin"
local api = require "spec.support.api"
local cli = require "spec.support.cli"
local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

describe("machines", function()
  local redis, start

  setup(function()
    redis = redis_server()
    start = machines_on(redis, { options = { ["node.lease_s"] = 3,
      ["redis.probe_s"] = 0.2 } })
  end)

  teardown(function()
    redis:stop()
  end)

  local function names_at(server)
    local status, body = admin.get(server, "/nodes")
    assert.equal(200, status)
    local names = {}
    for i, node in ipairs(t.decode(body).nodes) do names[i] = node.name end
    table.sort(names)
    return table.concat(names, " ")
  end

  local function wait_names(server, names)
    t.wait_until(function() return names_at(server) == names end)
  end

  it("are listed while they live", function()
    local a, b = start { ["node.name"] = "web-1" }, start { ["node.name"] = "web-2" }
    wait_names(a, "web-1 web-2")
    local status, out = cli.run { "nodes", "--admin=" .. a.admin }
    assert.equal(0, status)
    assert.matches("web%-2", out)
    b:signal "KILL"
    wait_names(a, "web-1")
    t.wait_until(function()
      return admin.metric(a, "perigee_cluster_retired_total") == 1
    end)
    b:stop(false)
    a:stop()
  end)

  it("end when they are told to, with an API as well", function()
    local a = start(api.options())
    assert.equal(200, (api.ask(a, "GET", "/api/v1/rooms")))
    assert.equal(0, (a:stop()))
  end)

  it("give their lease back", function()
    local a, b = start { ["node.name"] = "web-1", ["node.lease_s"] = 300 },
      start { ["node.name"] = "web-2", ["node.lease_s"] = 300 }
    wait_names(a, "web-1 web-2")
    b:stop()
    wait_names(a, "web-1")
    a:stop()
  end)

  it("say that they are degraded", function()
    local a = start()
    local function health() return select(2, admin.get(a, "/healthz")) end
    -- A start does not wait for every node of a cluster.
    t.wait_until(function() return health() == "ok\n" end)
    assert.equal("ok\n", select(2, admin.get(a, "/readyz")))
    redis:kill()
    t.wait_until(function() return health():match "^degraded\nredis=" end)
    for age in health():gmatch " for (%d+) s: " do assert.is_true(#age < 4) end
    assert.equal(503, (admin.get(a, "/nodes")))
    assert.equal(200, (admin.get(a, "/readyz")))
    t.wait_until(function()
      return select(2, admin.get(a, "/metrics")):match 'perigee_redis_up{shard="[^"]+"} 0'
    end)
    redis:start()
    t.wait_until(function() return health() == "ok\n" end)
    a:stop()
  end)

  it("let clients in while Redis is not there", function()
    redis:kill()
    local lone = t.server { options = { engine = "redis", ["redis.url"] = redis.url } }
    assert.equal(503, (admin.get(lone, "/readyz")))
    lone:connect { user = "ann" }
    redis:start()
    t.wait_until(function() return admin.get(lone, "/readyz") == 200 end)
    lone:stop()
  end)

  it("answer that there are none with another engine", function()
    local alone = t.server {}
    local status, _, problem = cli.run { "nodes", "--admin=" .. alone.admin }
    assert.equal(1, status)
    assert.matches("alone", problem)
    alone:stop()
  end)
end)
