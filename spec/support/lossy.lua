-- SPDX-License-Identifier: MIT
-- A way to a Redis on which an answer can be lost, in a process of its own.
--
--   local way = lossy(redis, "name")
--   way:lose "pattern"; way:wait_lost(); way:open(); way:cut(); way:stop()
local t = require "perigee.testing"

local Way = {}
Way.__index = Way

local function write_file(path, text)
  local file <close> = assert(io.open(path .. ".new", "w"))
  file:write(text)
  file:close()
  os.rename(path .. ".new", path)
end

-- The next command with that pattern is done, and its answer is lost; then
-- nothing gets through until `open`.
function Way:lose(pattern)
  write_file(self.dir .. "/lose", pattern)
end

function Way:wait_lost()
  t.wait_until(function()
    local file <close> = io.open(self.dir .. "/lose")
    return not file
  end)
end

function Way:cut()
  write_file(self.dir .. "/cut", "")
end

function Way:open()
  os.remove(self.dir .. "/cut")
end

function Way:stop()
  os.execute("kill " .. self.pid)
  self.process:close()
  os.execute("rm -rf " .. self.dir)
end

return function(redis, name)
  local dir = redis.dir .. "/" .. name
  os.execute("mkdir " .. dir)
  local process = assert(io.popen(("echo $$; exec setpriv --pdeathsig TERM "
    .. "lua5.4 spec/support/lossy_server.lua %s/s %s %s"):format(dir, redis.socket, dir)))
  local self = setmetatable({ dir = dir, process = process, pid = process:read "n" }, Way)
  repeat local line = process:read "l" until line == "ready"
  self.url = "unix://" .. dir .. "/s"
  return self
end
