-- SPDX-License-Identifier: MIT
-- The balancers of packaging/machines, as real processes before the servers of
-- a spec.
--
--   local balancer = balancers.start("haproxy", { a, b, c })
--   local client = balancer:connect { user = "ann" }
local ports = require "spec.support.ports"
local t = require "perigee.testing"

local balancers = {}

local programs = {
  haproxy = { file = "haproxy.cfg", listens = "bind :8080",
    run = "haproxy -db -f %s" },
  nginx = { file = "nginx.conf", listens = "listen 8080",
    run = "nginx -p %2$s -e %2$s/error -g 'daemon off; pid %2$s/pid;' -c %1$s" },
}

function balancers.is_there(name)
  return os.execute("PATH=$PATH:/usr/sbin command -v " .. name .. " >/dev/null")
end

-- The configuration, with the addresses of the spec; it asks more often.
local function configuration(program, servers, port)
  local file = assert(io.open("packaging/machines/" .. program.file))
  local text = file:read "a"
  file:close()
  local word = program.listens:match "^%a+"
  text = text:gsub(program.listens, word .. " 127.0.0.1:" .. port)
  text = text:gsub("inter 2s", "inter 200ms"):gsub("slowstart 60s", "")
  text = text:gsub("maxconn %d+", "maxconn 1000"):gsub("worker_rlimit_nofile %d+;", "")
  text = text:gsub("worker_connections %d+", "worker_connections 1000")
  return (text:gsub("web%-(%d):8080", function(i)
    return "127.0.0.1:" .. servers[tonumber(i)].port
  end))
end

local Balancer = {}
Balancer.__index = Balancer

-- Connects to one of the servers.
function Balancer:connect(opts)
  local way = setmetatable({ ws_url = self.ws_url }, { __index = self.servers[1] })
  return way:connect(opts)
end

function Balancer:stop()
  os.execute("kill " .. self.pid)
  self.process:close()
  os.execute("rm -rf " .. self.dir)
end

-- Starts it before three servers, and waits until it lets clients through.
function balancers.start(name, servers)
  local program, port = programs[name], ports.free()
  local dir = io.popen("mktemp -d"):read "l"
  local path = dir .. "/" .. program.file
  local file = assert(io.open(path, "w"))
  file:write((configuration(program, servers, port)))
  file:close()
  local command = program.run:gsub("%%1%$s", path):gsub("%%2%$s", dir):gsub("%%s", path)
  local self = setmetatable({ dir = dir, servers = servers,
    ws_url = ("ws://127.0.0.1:%d/ws"):format(port) }, Balancer)
  self.process = io.popen(("PATH=$PATH:/usr/sbin; echo $$; exec setpriv --pdeathsig TERM %s " ..
    "</dev/null >%s/out 2>&1"):format(command, dir), "r")
  self.pid = self.process:read "n"
  t.wait_until(function()
    local ok, client = pcall(self.connect, self, { user = "first" })
    return ok and (client:close() or true)
  end)
  return self
end

return balancers
