-- SPDX-License-Identifier: MIT
-- For the test kit: a Redis of one's own, at a Unix socket in a folder of its own.
--
--   local redis = Redis.new({ appendonly = "yes" }, t.wait_until)
--   redis:command "FLUSHALL"; redis:kill(); redis:start(); redis:stop()

local Redis = {}
Redis.__index = Redis

-- What comes before its first start.
function Redis:prepare()
  self.options.save = self.options.save or ""
end

-- Its command line.
function Redis:command_line()
  local words = { "redis-server --port 0 --unixsocket", self.socket,
    "--dir", self.dir, "--daemonize no" }
  for name, value in pairs(self.options) do
    table.insert(words, ("--%s '%s'"):format(name, value))
  end
  return table.concat(words, " ")
end

-- Starts it, with what was kept in its folder, and waits until it answers.
function Redis:start()
  self.process = assert(io.popen(("echo $$; exec setpriv --pdeathsig KILL %s "
    .. "</dev/null >>%s/log 2>&1"):format(self:command_line(), self.dir), "r"))
  self.pid = self.process:read "n"
  -- Else, when an example breaks off, the end of the tests would wait for it.
  local pid = self.pid
  self.guard = setmetatable({}, { __gc = function()
    if self.pid == pid then self:signal "KILL" end
  end })
  self.wait_until(function() return self:command("PING"):match "PONG" end)
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
  if not self.pid then
    return
  end
  self:signal(name or "KILL")
  self.process:close()
  self.pid = nil
end

function Redis:stop()
  self:kill()
  os.execute("rm -rf " .. self.dir)
end

-- `class` is Redis, or one that is derived from it.
function Redis.new(options, wait_until, class)
  local dir = io.popen("mktemp -d"):read "l"
  local self = setmetatable({ dir = dir, socket = dir .. "/redis.sock",
    options = options or {}, wait_until = wait_until }, class or Redis)
  self.url = "unix://" .. self.socket
  self:prepare()
  self:start()
  return self
end

return Redis
