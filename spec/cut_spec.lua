-- SPDX-License-Identifier: MIT
-- A network that is cut: no FIN, no reset, nothing arrives any more. The server
-- is in a network namespace with two cables; one of them is unplugged.
local t = require "perigee.testing"

local CUT, KEPT = 6, 4

-- Addresses of the test network 198.18.0.0/15, apart for each process.
local unique = tonumber(io.popen("echo $PPID"):read "l")
local name = "perigee" .. unique
local third = unique % 250

local function address(cable, side)
  return ("198.%d.%d.%d"):format(17 + cable, third, side)
end

local function device(cable)
  return ("pg%d.%d"):format(cable, unique)
end

local function run(command, ...)
  local words = command:format(...)
  assert(os.execute(words .. " 2>/dev/null >&2"), words)
end

local function plug(cable)
  local outer, inner = device(cable), device(cable) .. "i"
  run("ip link add %s type veth peer name %s netns %s", outer, inner, name)
  run("ip address add %s/24 dev %s", address(cable, 1), outer)
  run("ip link set %s up", outer)
  run("ip -n %s address add %s/24 dev %s", name, address(cable, 2), inner)
  run("ip -n %s link set %s up", name, inner)
end

local function unplug_all()
  os.execute(("ip netns del %s 2>/dev/null"):format(name))
  for cable = 1, 2 do
    os.execute(("ip link del %s 2>/dev/null"):format(device(cable)))
  end
end

local function prepare()
  run("ip netns add %s", name)
  run("ip -n %s link set lo up", name)
  plug(1)
  plug(2)
end

-- The program, inside; `ip` replaces itself by it.
local function write_wrapper()
  local path = os.tmpname()
  local binary = io.popen("realpath " .. t.binary):read "l"
  local file <close> = assert(io.open(path, "w"))
  file:write(("#!/bin/sh\nexec ip netns exec %s %s \"$@\"\n"):format(name,
    binary))
  os.execute("chmod +x " .. path)
  return path
end

local script = [[
  local perigee = require "perigee"
  return {
    wait = function() perigee.sleep(60) end,
    echo = function(_, data) return data end,
    ["@disconnect"] = function(client, reason)
      perigee.send_to_user("watcher", { type = "gone",
        data = { user = client.user_id, reason = reason } })
    end,
  }
]]

local function start(mode)
  local binary, wrapper = t.binary, write_wrapper()
  t.binary = wrapper
  local ok, server = pcall(t.server, {
    mode = mode,
    scripts = { ["main.lua"] = script },
    options = {
      listen = "0.0.0.0:0", ["admin.listen"] = "",
      ["heartbeat.interval_s"] = 0.5, ["heartbeat.timeout_s"] = 3,
    },
  })
  t.binary = binary
  os.remove(wrapper)
  return assert(ok and server, server)
end

local function connect(server, cable, user)
  server.ws_url = ("ws://%s:%d/ws"):format(address(cable, 2), server.port)
  return server:connect { user = user }
end

-- What happens on such a network; `it` hands it a function that starts a server.
local function on_a_network(happens)
  return function()
    if not pcall(prepare) then
      unplug_all()
      pending "needs root and `ip` for a network of its own"
      return
    end
    local server
    finally(function()
      if server then server:stop() end
      unplug_all()
    end)
    happens(function(mode)
      server = start(mode)
      return server
    end)
  end
end

local function cut()
  run("ip link set %s down", device(1))
end

describe("A network that is cut", function()
  it("costs those behind it their connection, and others notice nothing",
    on_a_network(function(begin)
      local server = begin()
      local watcher = connect(server, 2, "watcher")
      local others = {}
      for i = 1, KEPT do
        others[i] = connect(server, 2, "kept" .. i)
      end
      for i = 1, CUT do
        connect(server, 1, "cut" .. i):sync()
      end
      cut()
      local gone = {}
      for _ = 1, CUT do
        local data
        repeat -- the others have the server's pings to answer
          for i, other in ipairs(others) do
            assert.equal(i, other:request("echo", i))
          end
          local ok, message = pcall(watcher.expect, watcher, "gone", 0.05)
          data = ok and message.data
        until data
        assert.equal("ping_timeout", data.reason)
        gone[data.user] = true
      end
      for i = 1, CUT do
        assert.is_true(gone["cut" .. i])
        server:wait_log(("(user=cut%d closed by server code=4001)"):format(i))
      end
      for i, other in ipairs(others) do
        assert.equal(i, other:request("echo", i))
        assert.equal(0, #other.inbox)
      end
    end))

  for what, mode in pairs {
    ["whose handler waits, and who are not read"] = "serve",
    ["who answer nothing in development mode, as others there may"] = "dev",
  } do
    it("also costs it those " .. what, on_a_network(function(begin)
      local server = begin(mode)
      local watcher = connect(server, 2, "watcher")
      for cable, user in ipairs { "gone", "there" } do
        local client = connect(server, cable, user)
        client.is_mute = true
        for i = 1, mode == "serve" and 90 or 0 do
          client:send(i == 1 and "wait" or "echo")
        end
        if mode == "dev" then client:request "echo" end
      end
      cut()
      server:wait_log "user=gone closed by server code=4001"
      for _ = 1, 8 do -- longer than a ping has time
        pcall(watcher.expect, watcher, "nothing", 0.5) -- but it answers pings
      end
      assert.is_nil(server:log():find "user=there closed")
    end))
  end
end)
