-- SPDX-License-Identifier: MIT
-- Several Redis that belong together: a master, a replica and three Sentinels,
-- or a cluster of three masters; each in a folder of its own, on free ports.
--
--   local set = redis_set.sentinels()
--   set.url; set.servers[1]:kill(); set.sentinels[2]:signal "STOP"; set:stop()
local ports = require "spec.support.ports"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

local redis_set = {}

local Set = {}
Set.__index = Set

function Set:stop()
  for _, server in ipairs(self.sentinels or {}) do server:stop() end
  for _, server in ipairs(self.servers) do server:stop() end
end

local function start_server(options)
  options.port, options.bind = ports.free(), "127.0.0.1"
  return redis_server.start(options)
end

local function start_sentinel(master)
  return start_server {
    sentinel = { "monitor mymaster 127.0.0.1 " .. master.options.port .. " 2",
      "down-after-milliseconds mymaster 2000", "failover-timeout mymaster 2000" } }
end

-- Whether the Sentinel knows two others and the replica.
local function knows_all(sentinel)
  local text = sentinel:command "SENTINEL MASTER mymaster"
  return text:match "num%-other%-sentinels\n2\n" and text:match "num%-slaves\n1\n"
end

-- `options` are for the two servers.
function redis_set.sentinels(options)
  local self = setmetatable({ servers = {}, sentinels = {} }, Set)
  for i = 1, 2 do
    local own = { ["repl-diskless-sync-delay"] = "0",
      replicaof = i == 2 and "127.0.0.1 " .. self.servers[1].options.port or nil }
    for name, value in pairs(options or {}) do own[name] = value end
    self.servers[i] = start_server(own)
  end
  local hosts = {}
  for i = 1, 3 do
    self.sentinels[i] = start_sentinel(self.servers[1])
    hosts[i] = "127.0.0.1:" .. self.sentinels[i].options.port
  end
  self.url = "redis+sentinel://" .. table.concat(hosts, ",") .. "/mymaster"
  t.wait_until(function()
    for _, sentinel in ipairs(self.sentinels) do
      if not knows_all(sentinel) then return false end
    end
    return true
  end)
  return self
end

-- Several servers that are one cluster.
local Cluster = setmetatable({}, { __index = Set })
Cluster.__index = Cluster

-- What redis-cli says to a command of its own: `--cluster …`.
function Cluster.manage(text)
  local pipe = io.popen("redis-cli --cluster " .. text .. " --cluster-yes 2>&1")
  local answer = pipe:read "a"
  pipe:close()
  return answer
end

-- The same command to all that live; what they say.
function Cluster:command(text)
  local answers = {}
  for _, server in ipairs(self.servers) do
    if server.pid then table.insert(answers, server:command(text)) end
  end
  return table.concat(answers)
end

-- The server that has the slot, and its place in `servers`.
function Cluster:owner(slot)
  for i, server in ipairs(self.servers) do
    local own = server.pid and server:command "CLUSTER NODES":match "[^\n]*myself[^\n]*" or ""
    if own:match "master" then
      for first, last in (own:match "connected(.*)$" or ""):gmatch " (%d+)%-?(%d*)" do
        if slot >= tonumber(first) and slot <= (tonumber(last) or tonumber(first)) then
          return server, i
        end
      end
    end
  end
end

function Cluster:kill()
  for _, server in ipairs(self.servers) do server:kill() end
end

function Cluster:signal(name)
  for _, server in ipairs(self.servers) do server:signal(name) end
end

-- Starts all of them again, and waits until they serve.
function Cluster:start()
  for _, server in ipairs(self.servers) do server:start() end
  self:wait()
end

function Cluster:wait()
  t.wait_until(function()
    for _, server in ipairs(self.servers) do
      local info = server.pid and server:command "CLUSTER INFO"
      if info and not (info:match "cluster_state:ok" and
        info:match("cluster_known_nodes:" .. #self.servers)) then
        return false
      end
    end
    return true
  end)
end

function Cluster.id(server) return (server:command "CLUSTER MYID":match "%x+") end

-- Moves a slot, with all that is in it; `while_open` is called in the middle.
function Cluster:move(slot, to, while_open)
  local from = self:owner(slot)
  local from_id, to_id = Cluster.id(from), Cluster.id(to)
  to:command(("CLUSTER SETSLOT %d IMPORTING %s"):format(slot, from_id))
  from:command(("CLUSTER SETSLOT %d MIGRATING %s"):format(slot, to_id))
  if while_open then while_open(from, to) end
  repeat
    local keys = from:command(("CLUSTER GETKEYSINSLOT %d 10"):format(slot)):gsub("\n", " ")
    if keys:match "%S" then
      from:command(("MIGRATE 127.0.0.1 %d '' 0 5000 KEYS %s"):format(to.options.port, keys))
    end
  until not keys:match "%S"
  to:command(("CLUSTER SETSLOT %d NODE %s"):format(slot, to_id))
  from:command(("CLUSTER SETSLOT %d NODE %s"):format(slot, to_id))
end

-- Three masters that share all slots, with so many replicas each (none).
function redis_set.cluster(replicas, options)
  local self, hosts = setmetatable({ servers = {} }, Cluster), {}
  for i = 1, 3 + 3 * (replicas or 0) do
    local own = { ["cluster-enabled"] = "yes", ["cluster-node-timeout"] = "1000",
      ["cluster-port"] = ports.free(), ["repl-diskless-sync-delay"] = "0" }
    for name, value in pairs(options or {}) do own[name] = value end
    self.servers[i] = start_server(own)
    hosts[i] = "127.0.0.1:" .. self.servers[i].options.port
  end
  Cluster.manage("create " .. table.concat(hosts, " ") .. " --cluster-replicas " ..
    (replicas or 0))
  self:wait()
  self.url = "redis+cluster://" .. table.concat(hosts, ",", 1, 3)
  return self
end

return redis_set
