-- SPDX-License-Identifier: MIT
-- A Redis of one's own, at a Unix socket in a folder of its own.
--
--   local redis = redis_server { appendonly = "yes" }
--   redis:command "FLUSHALL"; redis:kill(); redis:start(); redis:stop()
local t = require "perigee.testing"

local Redis = {}
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

-- Starts it, with what was kept in its folder, and waits until it answers.
function Redis:start()
  local command = ("echo $$; exec setpriv --pdeathsig KILL redis-server %s/redis.conf %s " ..
    "</dev/null >>%s/log 2>&1"):format(self.dir, self.options.sentinel and "--sentinel" or "",
    self.dir)
  self.process = assert(io.popen(command, "r"))
  self.pid = self.process:read "n"
  -- Else, when an example breaks off, the end of the tests would wait for it.
  local pid = self.pid
  self.guard = setmetatable({}, { __gc = function()
    if self.pid == pid then self:signal "KILL" end
  end })
  t.wait_until(function() return self:command("PING"):match "PONG" end)
end

-- What redis-cli prints for a command.
function Redis:command(text)
  local pipe = io.popen("redis-cli -s " .. self.socket .. " " .. text .. " 2>&1")
  local answer = pipe:read "a"
  pipe:close()
  return answer
end

function Redis:signal(name)
  if self.pid then
    os.execute(("kill -%s %d"):format(name, self.pid))
  end
end

function Redis:kill(name)
  if not self.pid then return end
  self:signal(name or "KILL")
  self.process:close()
  self.pid = nil
end

function Redis:stop()
  self:kill()
  os.execute("rm -rf " .. self.dir)
end

local function start(options)
  local dir = io.popen("mktemp -d"):read "l"
  local self = setmetatable({ dir = dir, socket = dir .. "/redis.sock",
    options = options or {} }, Redis)
  self.options.port = self.options.port or 0
  if not self.options.sentinel then
    self.options.save = self.options.save or ""
  end
  self.url = "unix://" .. self.socket
  self:configure()
  self:start()
  return self
end

-- PERIGEE_REDIS=cluster: those who take whatever there is get a cluster.
return setmetatable({ start = start }, { __call = function(_, options)
  if os.getenv "PERIGEE_REDIS" == "cluster" then
    return require "spec.support.redis_set".cluster(0, options)
  end
  return start(options)
end })
