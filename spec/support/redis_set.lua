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
  return redis_server(options)
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

-- Three masters that share all slots.
function redis_set.cluster()
  local self, hosts = setmetatable({ servers = {} }, Set), {}
  for i = 1, 3 do
    self.servers[i] = start_server { ["cluster-enabled"] = "yes",
      ["cluster-node-timeout"] = "2000", ["cluster-port"] = ports.free() }
    hosts[i] = "127.0.0.1:" .. self.servers[i].options.port
  end
  os.execute("redis-cli --cluster create " .. table.concat(hosts, " ") ..
    " --cluster-yes >/dev/null 2>&1")
  t.wait_until(function()
    return self.servers[1]:command "CLUSTER INFO":match "cluster_state:ok"
  end)
  return self
end

return redis_set
