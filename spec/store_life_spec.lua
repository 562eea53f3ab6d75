-- SPDX-License-Identifier: MIT
-- The store when it is full, over reloads, and without a server.
local cli = require "spec.support.cli"
local start = require("spec.support.store").start
local t = require "perigee.testing"

describe("A store that is full", function()
  it("lets go what was not used for the longest time", function()
    local server = start { ["limits.store_mb"] = 1 }
    local alice = server:connect { user = "alice" }
    -- Ten of these fit; the first is used in between.
    assert.same({ "k01", "k06", "k07", "k08", "k09", "k10", "k11", "k12",
      "k13", "k14" }, alice:request("run", [[
      for i = 1, 14 do
        store.set(("k%02d"):format(i), (("x"):rep(100000)))
        assert(store.get "k01")
      end
      return store.keys()
    ]]))
    assert.equal(t.null, alice:request("get", "k02"))
  end)
end)

describe("A reload", function()
  local server, alice

  before_each(function()
    server = start()
    alice = server:connect { user = "alice" }
  end)

  it("leaves the store as it is", function()
    alice:request("run", [[
      store.set("table", { n = 5, f = 5.0, list = json.array {} })
      store.incr("count", 41)
    ]])
    for _ = 1, 3 do
      server:reload()
    end
    assert.equal(42, alice:request("incr", "count"))
    assert.is_true(alice:request("run", "return same(store.get 'table', "
      .. "{ n = 5, f = 5.0, list = json.array {} })"))
  end)

  it("may use the store while the scripts are being loaded", function()
    server:write("count.lua",
      "require('perigee').store.incr 'loads' return {}")
    server:reload()
    server:reload()
    local workers = t.defaults.workers or 1 -- each has loaded them
    assert.equal(2 * workers, alice:request("get", "loads"))
  end)
end)

describe("perigee check", function()
  it("accepts scripts that use the store while they load", function()
    finally(cli.cleanup)
    local dir = cli.folder { ["main.lua"] = [[
      local store = require("perigee").store
      assert(store.add("a", { 1 }) and store.get("a")[1] == 1)
      return {}
    ]] }
    local status, out, err = cli.run({ "check", dir },
      { env = { PERIGEE_AUTH_SECRET = ("s"):rep(32) } })
    assert.equal(0, status, out .. err)
  end)
end)
