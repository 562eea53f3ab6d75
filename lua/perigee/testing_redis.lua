-- SPDX-License-Identifier: MIT
-- For the test kit: a Redis of one's own, at a Unix socket in a folder of its own.
--
--   local redis = Redis.new({ appendonly = "yes" }, t.wait_until)
--   redis:command "FLUSHALL"; redis:kill(); redis:start(); redis:stop()

local Redis = {}
Redis.__index = Redis

-- Starts it, with what was kept in its folder, and waits until it answers.
function Redis:start()
  local words = { "echo $$; exec setpriv --pdeathsig KILL redis-server --port 0",
    "--unixsocket", self.socket, "--dir", self.dir, "--daemonize no" }
  for name, value in pairs(self.options) do
    table.insert(words, ("--%s '%s'"):format(name, value))
  end
  table.insert(words, "</dev/null >>" .. self.dir .. "/log 2>&1")
  self.process = assert(io.popen(table.concat(words, " "), "r"))
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
  self:signal(name or "KILL")
  self.process:close()
  self.pid = nil
end

function Redis:stop()
  self:kill()
  os.execute("rm -rf " .. self.dir)
end

function Redis.new(options, wait_until)
  local dir = io.popen("mktemp -d"):read "l"
  local self = setmetatable({ dir = dir, socket = dir .. "/redis.sock",
    options = options or {}, wait_until = wait_until }, Redis)
  self.options.save = self.options.save or ""
  self.url = "unix://" .. self.socket
  self:start()
  return self
end

return Redis
