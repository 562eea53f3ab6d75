-- SPDX-License-Identifier: MIT
-- What a reload means for handlers that wait, for client.state and for memory.

local neighbour = require "spec.support.neighbour"
local t = require "perigee.testing"

local function versioned(version)
  return ([[
    local perigee = require "perigee"
    return {
      version = function() return %d end,
      where = function() return perigee.worker end,
      count = function(client)
        local state = client.state
        state.n = (state.n or 0) + 1
        if state.n %% 3 == 0 then perigee.sleep(0.001) end
        state.late = (state.late or 0) + 1
        return { %d, state.n, state.late }
      end,
      state = function(client) return client.state end,
      -- Until the other client has gone: no message reaches an old generation.
      ["hold.until.alone"] = function(client, data)
        while perigee.is_online "releaser" do perigee.sleep(0.005) end
        client.state.held = "by %d"
        client.state.gone = nil
        for key, value in pairs(data or {}) do client.state[key] = value end
        return { %d, perigee.generation }
      end,
      write = function(_, data)
        for _, other in ipairs(perigee.clients_of(data.user)) do
          for key, value in pairs(data.values) do other.state[key] = value end
        end
        return {}
      end,
      forever = function() while true do perigee.sleep(1) end end,
      stubborn = function()
        while true do pcall(function() perigee.sleep(60) end) end
      end,
      spawn = function(client)
        perigee.spawn(function()
          while perigee.is_online "releaser" do perigee.sleep(0.005) end
          client:send { type = "spawned", data = %d }
        end)
      end,
    }
  ]]):format(version, version, version, version, version)
end

local function rss_kib(server)
  local file <close> = assert(io.open(("/proc/%d/status"):format(server.pid)))
  return tonumber(file:read("a"):match "VmRSS:%s*(%d+)")
end

-- ThreadSanitizer keeps a shadow of all memory that was ever used.
local function is_tsan()
  return os.execute(("grep -q __tsan_init '%s'"):format(t.binary)) == true
end

describe("a handler that waits during a reload", function()
  local server, alice, releaser

  before_each(function()
    server = t.server {
      scripts = { ["v.lua"] = versioned(1) },
      options = { ["script.drain_s"] = 5 },
    }
    alice = server:connect { user = "alice" }
    releaser = server:connect { user = "releaser" }
  end)
  after_each(function() server:stop() end)

  it("ends on its own generation; the next message is the new one's",
    function()
      alice:send("hold.until.alone", nil, 1)
      alice:sync() -- it has begun
      alice:send("version", nil, 2)
      server:write("v.lua", versioned(2))
      assert.truthy(server:reload():find "gen=2 is live")
      assert.equal(2, releaser:request "version")
      releaser:drop()
      assert.same({ 1, 1 }, alice:request("state", nil, 3) and
        table.remove(alice.inbox, 1).data)
      assert.equal(2, table.remove(alice.inbox, 1).data)
    end)

  it("hands over what it wrote into client.state", function()
    alice:send("hold.until.alone", nil, 1)
    alice:sync()
    server:write("v.lua", versioned(2))
    server:reload()
    releaser:drop()
    assert.same({ held = "by 1" }, alice:request("state", nil, 2))
  end)

  it("undoes nothing that the new one wrote meanwhile", function()
    local bob = neighbour(server, alice, "bob")
    assert.same({}, bob:request("write", { user = "alice", values = {
      kept = 1, both = 1, list = { 1 }, gone = 1, same = { 1, { 2 } },
    } }))
    alice:send("hold.until.alone", {
      both = 2, mine = 2, list = { 1, 2 }, same = { 1, { 2 } },
    }, 1)
    alice:sync()
    server:write("v.lua", versioned(2))
    server:reload()
    local function write(values)
      return bob:request("write", { user = "alice", values = values })
    end
    write { kept = 3, both = 3, theirs = 3 }
    server:write("v.lua", versioned(3))
    server:reload()
    write { more = 4 }
    releaser:drop()
    assert.same({
      held = "by 1", kept = 3, both = 3, mine = 2, list = { 1, 2 },
      theirs = 3, more = 4, same = { 1, { 2 } },
    }, alice:request("state", nil, 2))
    server:wait_log "client.state%[both%] was written by a handler of"
  end)

  it("keeps what it has spawned", function()
    alice:request "spawn"
    server:write("v.lua", versioned(2))
    server:reload()
    releaser:drop()
    assert.equal(1, alice:expect("spawned").data)
  end)
end)

describe("a replaced generation", function()
  it("is given script.drain_s, also if it is stubborn", function()
    local server = t.server {
      scripts = { ["v.lua"] = versioned(1) },
      options = { ["script.drain_s"] = 0.05, ["log.level"] = "debug" },
    }
    local alice = server:connect { user = "alice" }
    local bob = server:connect { user = "bob" }
    alice:send("forever", nil, 1)
    bob:send("stubborn", nil, 1)
    alice:sync()
    bob:sync()
    server:write("v.lua", versioned(2))
    server:reload()
    for _, client in ipairs { alice, bob } do
      local _, code = client:try("version", nil, 2)
      assert.is_nil(code)
      assert.equal("UNAVAILABLE", client.inbox[1].data.code)
      assert.is_true(client.inbox[1].data.retry)
    end
    server:wait_log "(gen=1 has ended)"
    server:stop()
  end)

  it("ends after script.drain_s, although it spawns on and on", function()
    local chain = [[
      local perigee = require "perigee"
      local function again() perigee.spawn(again) end
      return { chain = again }
    ]]
    local server = t.server {
      scripts = { ["v.lua"] = chain },
      options = { ["script.drain_s"] = 0.05, ["log.level"] = "debug" },
    }
    server:connect({ user = "alice" }):request "chain"
    server:reload()
    server:wait_log "(gen=1 has ended)"
    server:stop()
  end)

  it("is given its @stop, which may wait, and the new one its result",
    function()
      local server = t.server { scripts = { ["v.lua"] = [[
        local perigee = require "perigee"
        local kept
        return {
          kept = function() return kept end,
          ["@start"] = function(previous) kept = previous end,
          ["@stop"] = function()
            perigee.sleep(0.01)
            return { from = perigee.generation }
          end,
        }
      ]] } }
      local alice = server:connect { user = "alice" }
      server:reload()
      assert.same({ from = 1 }, t.wait_until(function()
        local kept = alice:request "kept"
        return kept ~= t.null and kept
      end))
      server:stop()
      assert.truthy(server.last_log:find "ended")
    end)
end)

describe("many clients and many reloads", function()
  it("every request is answered once, versions and counts only grow",
    function()
      local clients, reloads = 200, 80
      local server = t.server {
        scripts = { ["v.lua"] = versioned(1) },
        options = {
          ["limits.per_ip"] = 0, ["limits.messages_per_s"] = 0,
          ["script.drain_s"] = 5, ["log.level"] = "warn",
        },
        -- A sanitizer would keep what is freed, for a while.
        env = { ASAN_OPTIONS = (os.getenv "ASAN_OPTIONS" or "")
          .. ":quarantine_size_mb=1:allocator_release_to_os_interval_ms=100" },
      }
      local all = {}
      for i = 1, clients do
        all[i] = {
          client = server:connect { user = "u" .. i },
          asked = 0, answered = 0, version = 0,
        }
      end
      local function ask(entry)
        entry.asked = entry.asked + 1
        entry.client:send("count", nil, entry.asked)
      end
      local function check(entry)
        local reply = entry.client:expect "reply"
        entry.answered = entry.answered + 1
        assert.equal(entry.answered, reply.id)
        local version, n, late = table.unpack(reply.data)
        assert.is_true(version >= entry.version)
        assert.equal(entry.answered, n)
        assert.equal(entry.answered, late)
        entry.version = version
      end
      local warm
      for i = 1, reloads do
        for _, entry in ipairs(all) do
          ask(entry)
        end
        if i % 4 == 0 then
          server:write("v.lua", "return {")
        else
          server:write("v.lua", versioned(i + 1))
        end
        server:signal "HUP"
        for _, entry in ipairs(all) do
          check(entry)
        end
        if i == reloads // 2 then
          warm = rss_kib(server)
        end
      end
      -- Those before may have come in one reload with one that is broken.
      server:write("v.lua", versioned(reloads + 2))
      server:signal "HUP"
      local probe = all[1].client
      t.wait_until(function()
        return probe:request "version" == reloads + 2
      end)
      for _, entry in ipairs(all) do
        assert.equal(reloads, entry.answered)
      end
      -- A generation has some 300 KiB: forty that stayed would be 12 MiB. What a
      -- sanitizer remembers of each allocation is some 4 MiB. The last ones are
      -- freed after the answer to the last reload.
      assert.is_true(is_tsan() or t.wait_until(function()
        return rss_kib(server) - warm < 8192
      end), ("from %d KiB"):format(warm))
      server:stop()
    end)
end)
