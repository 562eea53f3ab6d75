-- SPDX-License-Identifier: MIT
-- What goes wrong around a server, and what it does about it.
local cqueues = require "cqueues"
local lfs = require "lfs"
local raw = require "spec.support.raw"
local cli = require "spec.support.cli"
local t = require "perigee.testing"
local wrapped = require "spec.support.wrapped"

local scripts = {
  ["main.lua"] = [[
    local perigee = require "perigee"
    return {
      echo = function(_, data) return data end,
      is_online = function(_, user) return perigee.is_online(user) end,
    }
  ]],
}

local function descriptors(server)
  local count = 0
  for _ in lfs.dir(("/proc/%d/fd"):format(server.pid)) do
    count = count + 1
  end
  return count
end

local function state(server)
  local file <close> = io.open(("/proc/%d/stat"):format(server.pid))
  return file:read("a"):match "%) (%a)"
end

-- Nothing is waited for: time is what the example is about.
local function let_pass(seconds)
  local over = cqueues.monotime() + seconds
  t.wait_until(function() return cqueues.monotime() > over end)
end

describe("Clients that die in the middle of a frame", function()
  it("are gone, and leave nothing behind", function()
    local server = t.server { scripts = scripts }
    local watcher = server:connect { user = "watcher" }
    local before = descriptors(server)
    local frame = raw.frame(t.encode { type = "echo", data = ("x"):rep(300) })
    for i, cut in ipairs { 1, 2, 4, 7, 8, 9, 100, #frame - 1 } do
      local peer = raw.connect(server)
      peer:write(raw.login(server, "victim"), frame:sub(1, cut))
      t.wait_until(function()
        return watcher:request("is_online", "victim")
      end)
      if i % 2 == 0 then -- else there is unread data: a reset
        peer:read(-4096)
      end
      peer:close()
      t.wait_until(function()
        return not watcher:request("is_online", "victim")
      end)
    end
    t.wait_until(function() return descriptors(server) == before end)
  end)
end)

describe("The limit of open files", function()
  after_each(cli.cleanup)

  local function limit(server)
    local file <close> = io.open(("/proc/%d/limits"):format(server.pid))
    return tonumber(file:read("a"):match "Max open files%s+(%d+)")
  end

  it("is never lowered", function()
    local server = wrapped.server("ulimit -n 5000",
      { options = { ["limits.connections"] = 100 } })
    assert.equal(5000, limit(server))
  end)

  it("is raised to what limits.connections needs", function()
    local server = wrapped.server("ulimit -Sn 300",
      { options = { ["limits.connections"] = 100 } })
    assert.is_true(limit(server) > 1100) -- and those of fetch
  end)
end)

describe("A server without descriptors", function()
  it("serves those who are in, and goes on when there are some", function()
    local server = t.server { scripts = scripts }
    local alice = server:connect { user = "alice" }
    local before = descriptors(server)
    os.execute(("prlimit --pid %d --nofile=%d"):format(server.pid, before + 3))
    local peers = {}
    for i = 1, 10 do
      peers[i] = raw.connect(server) -- the kernel takes them
    end
    server:wait_log "accept: Too many open files; pausing"
    assert.equal("x", alice:request("echo", "x"))
    let_pass(0.5) -- some more pauses, which are not logged
    assert.equal("x", alice:request("echo", "x"))
    for _, peer in ipairs(peers) do
      peer:close()
    end
    local bob = server:connect { user = "bob" }
    assert.equal("y", bob:request("echo", "y"))
    local _, lines = server:log():gsub("accept:", "")
    assert.equal(1, lines)
  end)
end)

describe("A server that is stopped and continued", function()
  it("keeps its clients, however long that was", function()
    local server = t.server {
      scripts = scripts,
      options = { ["heartbeat.interval_s"] = 0.1,
        ["heartbeat.timeout_s"] = 2, ["limits.stall_s"] = 2 },
    }
    finally(function() server:signal "CONT" end)
    local clients = {}
    for i = 1, 5 do
      clients[i] = server:connect { user = "user" .. i }
    end
    server:signal "STOP"
    t.wait_until(function() return state(server) == "T" end)
    for i, client in ipairs(clients) do
      client:send("echo", i, i)
    end
    let_pass(2.5)
    server:signal "CONT"
    for i, client in ipairs(clients) do
      assert.equal(i, client:expect("reply").data)
    end
    for i, client in ipairs(clients) do
      assert.equal(-i, client:request("echo", -i))
    end
    assert.not_matches("closed by server", server:log())
  end)
end)

describe("A second signal to end", function()
  it("ends at once", function()
    local server = t.server {
      scripts = scripts, options = { ["shutdown.drain_s"] = 3600 },
    }
    local alice = server:connect { user = "alice" }
    server:signal "TERM"
    alice:expect "goodbye"
    assert.equal("x", alice:request("echo", "x"))
    server:signal "TERM"
    assert.equal(1, (server:stop(false)))
    assert.matches("second signal: ending at once", server.last_log)
  end)
end)
