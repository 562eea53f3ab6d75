-- SPDX-License-Identifier: MIT
-- A backend in Node beside a server: each needs the address of the other.
local cli = require "spec.support.cli"
local http = require "spec.support.http"
local socket = require "cqueues.socket"
local t = require "perigee.testing"

local node = {}
node.__index = node

-- A port that nobody has at the moment.
local function free_port()
  local listener = assert(socket.listen { host = "127.0.0.1", port = 0 })
  assert(listener:listen())
  local _, _, port = listener:localname()
  listener:close()
  return port
end

-- Starts a server with `start(url)`, where url is the backend's, and then the
-- program, with these variables and PERIGEE and PORT. Returns the server and
-- the backend.
function node.with(program, env, start)
  local port = free_port()
  local server = start(("http://127.0.0.1:%d/"):format(port))
  local words = { "PERIGEE=http://" .. server.admin, "PORT=" .. port }
  for name, value in pairs(env) do
    words[#words + 1] = name .. "=" .. value
  end
  local out = cli.folder() .. "/out"
  local command = ("echo $$; exec setpriv --pdeathsig TERM env %s node '%s' >%s 2>&1"):format(
    table.concat(words, " "), program, out)
  local process = assert(io.popen(command))
  local self = setmetatable({ process = process, port = port, out = out,
    pid = process:read "n" }, node)
  t.wait_until(function()
    return pcall(http.get, port, "/", "Connection: close")
  end)
  return server, self
end

function node:get(path)
  local _, body = http.get(self.port, path, "Connection: close")
  return body
end

function node:log()
  local file <close> = assert(io.open(self.out))
  return file:read "a"
end

function node:stop()
  os.execute(("kill %d 2>/dev/null"):format(self.pid))
  self.process:close()
end

return node
