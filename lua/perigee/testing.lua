-- SPDX-License-Identifier: MIT
-- The test kit: a real server in a temporary folder, real clients, and
-- conversations between them, for busted.
--
--   local t = require "perigee.testing"
--   local alice = t.connect "alice"        -- to a server on one's own scripts
--   assert.same({ text = "hi" }, alice:request("echo", { text = "hi" }))
--
--   local server = t.server { scripts = { ["echo.lua"] = [[return …]] } }
--   local bob = server:connect "bob"       -- to that one
--   server:stop()
--
-- Nothing here sleeps for a guessed time: every wait polls for its condition,
-- and gives up after `t.timeout` seconds.
--
-- Under busted all clients are gone at the end of each example. A server that
-- an example has started is stopped at the end of the example; one that was
-- started outside of examples (lazy_setup, before_each), at the end of the
-- file; the shared one, at the end of the run. When an example fails, what the
-- servers have logged during it is printed.

local t = require "perigee.testing_base"
local Redis = require "perigee.testing_redis"
local Server = require "perigee.testing_server"

local shared -- the server of t.connect, once there is one
local in_example = false -- under busted

-- Starts a server, and waits until it is ready. `opts` may have: `scripts` (a
-- folder, or texts by file name), `options` (flags without dashes; false drops
-- a default one), `env`, `dir` (where it runs), `mode` ("serve" or "dev"),
-- `events` (true: they are kept for Server:events), and `no_wait`, with which it
-- returns at once.
function t.server(opts)
  return Server.start(opts, in_example)
end

local Cluster = {}
Cluster.__index = Cluster

-- Ends all of it.
function Cluster:stop()
  for _, server in ipairs(self) do
    server:stop()
  end
  self.redis:stop()
end

-- Starts a Redis of its own and so many servers that meet there; each is what
-- t.server returns. `opts` are those of t.server, for all of them.
function t.cluster(count, opts)
  local self = setmetatable({ redis = Redis.new({}, t.wait_until) }, Cluster)
  local own = {}
  for name, value in pairs(opts or {}) do own[name] = value end
  own.options = { engine = "redis", ["redis.url"] = self.redis.url }
  for name, value in pairs(opts and opts.options or {}) do own.options[name] = value end
  for i = 1, count do
    self[i] = t.server(own)
    self[i]:wait_log "redis=[^\n]* up:"
  end
  return self
end

-- Returns the server on the scripts of the project, which all examples share.
-- It is started when it is first asked for, and when it has ended.
function t.shared()
  if shared and not shared:is_running() then
    shared:stop(false)
    shared = nil
  end
  if not shared then
    shared = t.server { scripts = t.scripts or "scripts", events = true }
    shared.is_shared, shared.is_of_example = true, false
  end
  return shared
end

-- The events of the shared server: t.events "order.made".
function t.events(type)
  return t.shared():events(type)
end

-- Connects a client to the shared server: t.connect "alice". The arguments are
-- those of Server:connect.
function t.connect(...)
  return t.shared():connect(...)
end

-- Asks the shared server; see Server:http.
function t.http(opts)
  return t.shared():http(opts)
end

if package.loaded["busted"] then
  local busted = require "busted"
  local function on(event, method, concerned)
    busted.subscribe(event, function()
      for server in pairs(Server.running) do
        if not concerned or concerned(server) then
          server[method](server)
        end
      end
      return nil, true -- others want to know too
    end)
  end
  on({ "failure" }, "show_log")
  on({ "error" }, "show_log")
  local function mark(event, is_inside)
    busted.subscribe(event, function()
      in_example = is_inside
      return nil, true
    end)
  end
  mark({ "test", "start" }, true)
  mark({ "test", "end" }, false)
  on({ "test", "end" }, "end_example")
  on({ "test", "end" }, "stop", function(server)
    return server.is_of_example
  end)
  on({ "file", "end" }, "stop", function(server)
    return not server.is_shared
  end)
  on({ "exit" }, "stop")
end

return t
