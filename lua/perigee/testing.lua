-- SPDX-License-Identifier: MIT
-- The test kit: a real server in a temporary folder, real clients, and
-- conversations between them, for busted.
--
--   local t = require "perigee.testing"
--   local server = t.server { scripts = { ["echo.lua"] = [[return …]] } }
--   local alice = server:connect { user = "alice" }
--   assert.same({ text = "hi" }, alice:request("echo", { text = "hi" }))
--   server:stop()
--
-- Nothing here sleeps for a guessed time: every wait polls for its condition
-- and gives up after `t.timeout` seconds. Under busted all clients are
-- dropped at the end of each example, servers left running are stopped at
-- the end of the run, and a failure prints the logs of the servers.

local Client = require "perigee.testing_client"
local basexx = require "basexx"
local cqueues = require "cqueues"
local dkjson = require "dkjson"
local hmac = require "openssl.hmac"
local lfs = require "lfs"

local t = {
  timeout = 10,
  null = dkjson.null,
  -- Exact: integers stay integers, [] and {} can be told apart.
  encode = Client.encode,
  decode = Client.decode,
}
local running = {} -- servers, as keys

-- Calls `condition` until it answers something true, and answers that.
function t.wait_until(condition, timeout)
  local deadline = cqueues.monotime() + (timeout or t.timeout)
  while true do
    local result = condition()
    if result then
      return result
    elseif cqueues.monotime() > deadline then
      error("waited in vain", 2)
    end
    cqueues.sleep(0.005)
  end
end

-- A table that is written as a JSON array, also when it is empty.
function t.array(list)
  return setmetatable(list, { __jsontype = "array" })
end

-- A token in the form of RFC 7519, signed with HS256.
function t.sign(claims, secret)
  local text = basexx.to_url64 '{"alg":"HS256","typ":"JWT"}'
    .. "." .. basexx.to_url64(t.encode(claims))
  return text .. "." .. basexx.to_url64(hmac.new(secret, "sha256"):final(text))
end

local Server = {}
Server.__index = Server

local function quote(text)
  return "'" .. tostring(text):gsub("'", [['\'']]) .. "'"
end

-- Writes a script; the folders in `name` are made. The rename shows the
-- whole file at once, as editors do it.
function Server:write(name, text)
  local path = self.scripts
  for folder in name:gmatch "([^/]+)/" do
    path = path .. "/" .. folder
    lfs.mkdir(path)
  end
  local temporary = self.dir .. "/new"
  local file = assert(io.open(temporary, "wb"))
  file:write(text)
  file:close()
  assert(os.rename(temporary, self.scripts .. "/" .. name))
end

function Server:remove(name)
  assert(os.remove(self.scripts .. "/" .. name))
end

function Server:log()
  local file <close> = io.open(self.dir .. "/log", "rb")
  return file and file:read "a" or ""
end

-- Waits until the log matches, from byte `init` on; returns the captures.
function Server:wait_log(pattern, init)
  local found = t.wait_until(function()
    local captures = { self:log():match(pattern, init) }
    return captures[1] and captures
  end)
  return table.unpack(found)
end

function Server:signal(name)
  os.execute(("kill -%s %d"):format(name, self.pid))
end

-- Reloads the scripts, and waits for the log line that tells how it went.
function Server:reload()
  local before = #self:log() + 1
  self:signal "HUP"
  return self:wait_log("[^\n]*reload[^\n]*", before)
end

-- A token that this server accepts, good for an hour unless claims differ.
function Server:token(claims)
  local all = { exp = os.time() + 3600 }
  for name, value in pairs(claims or {}) do
    all[name] = value
  end
  return t.sign(all, self.secret)
end

-- opts: user (or claims, or a ready token), headers; auth = false leaves the
-- connection as it is after the handshake. `info` is the data of auth_ok.
function Server:connect(opts)
  local client = assert(Client.new(self.ws_url, opts.headers))
  client.user, client.timeout = opts.user, t.timeout
  self.clients[#self.clients + 1] = client
  if opts.auth ~= false then
    local claims = opts.claims or { sub = opts.user }
    local info, code, text = client:auth(opts.token or self:token(claims))
    client.info = assert(info, ("%s: %s"):format(code, text))
  end
  return client
end

function Server:drop_clients()
  for i, client in pairs(self.clients) do
    client:drop()
    self.clients[i] = nil
  end
end

-- Whether the process has not ended; a zombie has.
function Server:is_running()
  local file <close> = io.open(("/proc/%d/stat"):format(self.pid))
  local state = file and file:read("a"):match "%) (%a)"
  return state and state ~= "Z"
end

-- Drops the clients and ends the process (or only waits for its end, if
-- `signal` is false). Returns its exit status; or nil and the signal's number.
function Server:stop(signal)
  if not running[self] then
    return
  elseif signal ~= false then
    self:drop_clients()
    self:signal(signal or "TERM")
  end
  if not pcall(t.wait_until, function() return not self:is_running() end) then
    io.stderr:write("the server did not stop: killed\n", self:log():sub(-4000))
    self:signal "KILL"
  end
  self:drop_clients()
  running[self] = nil
  local _, how, status = self.process:close()
  self.last_log = self:log()
  os.execute("rm -rf " .. quote(self.dir))
  return how == "exit" and status or nil, status
end

-- The pid is the first line of the pipe: the shell's, and exec keeps it. If
-- the tests die, the kernel stops the server.
local function spawn(server, mode, arguments, env)
  local words = { "echo $$; exec setpriv --pdeathsig TERM env -u PERIGEE_BIN" }
  for name, value in pairs(env or {}) do
    table.insert(words, name .. "=" .. quote(value))
  end
  local binary = os.getenv "PERIGEE_BIN" or "build/perigee"
  for _, word in ipairs { binary, mode, server.scripts } do
    table.insert(words, quote(word))
  end
  for name, value in pairs(arguments) do
    table.insert(words, quote(("--%s=%s"):format(name, value)))
  end
  table.insert(words, "</dev/null >" .. quote(server.dir .. "/log") .. " 2>&1")
  server.process = assert(io.popen(table.concat(words, " "), "r"))
  server.pid = server.process:read "n"
end

-- Starts a server and waits until it is ready. opts: scripts (a folder, or
-- texts by file name), options (flags without dashes; false drops a default
-- one), env, mode ("serve" or "dev"); no_wait returns at once.
function t.server(opts)
  local dir = io.popen("mktemp -d"):read "l"
  local self = setmetatable({ dir = dir, clients = {} }, Server)
  self.secret = "an example secret of more than 32 bytes"
  self.scripts = dir .. "/scripts"
  if type(opts.scripts) == "string" then
    self.scripts = opts.scripts
  else
    lfs.mkdir(self.scripts)
    for name, text in pairs(opts.scripts or { ["none.lua"] = "return {}" }) do
      self:write(name, text)
    end
  end
  local options = { listen = "127.0.0.1:0", ["auth.secret"] = self.secret,
    ["shutdown.drain_s"] = 0 }
  for name, value in pairs(opts.options or {}) do
    options[name] = value or nil
  end
  spawn(self, opts.mode or "serve", options, opts.env)
  running[self] = true
  if not opts.no_wait then
    self:wait_ready()
  end
  return self
end

-- Learns the address from the log line that says "ready".
function Server:wait_ready()
  t.wait_until(function()
    self.url, self.port = self:log():match "ready[^\n]-(https?://[^%s]-:(%d+))"
    return self.port or not self:is_running()
  end)
  if not self.port then
    local log = self:log()
    self:stop(false)
    error("the server did not start:\n" .. log, 3)
  end
  self.ws_url = self.url:gsub("^http", "ws") .. "/ws"
end

function Server:show_log()
  io.stderr:write("\n--- the log of the server ends with\n",
    self:log():sub(-4000), "---\n")
end

if package.loaded["busted"] then
  local busted = require "busted"
  local function on(event, method)
    busted.subscribe(event, function()
      for server in pairs(running) do
        server[method](server)
      end
      return nil, true -- others want to know too
    end)
  end
  on({ "failure" }, "show_log")
  on({ "error" }, "show_log")
  on({ "test", "end" }, "drop_clients")
  on({ "file", "end" }, "stop")
end

return t
