-- SPDX-License-Identifier: MIT
-- A Redis of one's own, at a Unix socket in a folder of its own.
--
--   local redis = redis_server { appendonly = "yes" }
--   redis:command "FLUSHALL"; redis:kill(); redis:start(); redis:stop()
local Kit = require "perigee.testing_redis"
local t = require "perigee.testing"

local Redis = setmetatable({}, { __index = Kit })
Redis.__index = Redis

-- The lines of its file; an option with several values has one for each. Who
-- looks after it (Sentinel) may write that file anew.
function Redis:configure()
  local file = assert(io.open(self.dir .. "/redis.conf", "w"))
  file:write(("unixsocket %s\ndir %s\n"):format(self.socket, self.dir))
  for name, values in pairs(self.options) do
    for _, value in ipairs(type(values) == "table" and values or { values }) do
      file:write(("%s %s\n"):format(name, value == "" and '""' or value))
    end
  end
  file:close()
end

function Redis:prepare()
  self.options.port = self.options.port or 0
  if not self.options.sentinel then
    self.options.save = self.options.save or ""
  end
  self:configure()
end

function Redis:command_line()
  return ("redis-server %s/redis.conf %s"):format(self.dir,
    self.options.sentinel and "--sentinel" or "")
end

local function start(options)
  return Kit.new(options, t.wait_until, Redis)
end

-- PERIGEE_REDIS=cluster: those who take whatever there is get a cluster.
return setmetatable({ start = start }, { __call = function(_, options)
  if os.getenv "PERIGEE_REDIS" == "cluster" then
    return require "spec.support.redis_set".cluster(0, options)
  end
  return start(options)
end })
