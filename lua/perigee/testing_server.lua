-- SPDX-License-Identifier: MIT
-- A server of the test kit: a process, its scripts and its log in a temporary
-- folder. perigee.testing starts it.

local t = require "perigee.testing_base"
local Client = require "perigee.testing_client"
local ask = require "perigee.testing_http"
local lfs = require "lfs"

local Server = { running = {} } -- servers, as keys
Server.__index = Server

local function quote(text)
  return "'" .. tostring(text):gsub("'", [['\'']]) .. "'"
end

-- Writes a script, and makes the folders in `name`. As with editors, a rename
-- shows the whole file at once.
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

local function read_log(server)
  local file <close> = io.open(server.dir .. "/log", "rb")
  return file and file:read "a" or ""
end

-- What was logged, without a last line that is not complete yet.
local function whole_lines(server)
  return read_log(server):match "^.*\n" or ""
end

-- The kernel's letter for what the process does; nil: there is none.
local function state_of(server)
  local file <close> = io.open(("/proc/%d/stat"):format(server.pid))
  return file and file:read("a"):match "%) (%a)"
end

-- A thread of the server's own writes its log: waits for that. A server that has
-- ended, or was stopped (T), or does not answer, is not waited for.
local function await_log(server)
  pcall(t.wait_until, function()
    local state = server.admin and state_of(server) or "Z"
    local answer = not state:find "[ZT]"
      and ask("http://" .. server.admin, { path = "/stats" }, nil, 2)
    return not answer or answer.data.log_waiting_bytes == 0
  end)
end

-- All that the server has logged up to now.
function Server:log()
  await_log(self)
  return read_log(self)
end

-- `perigee events` on the server's outbox; what it has printed.
local function run_events(self, words)
  if not self.outbox then
    error("this server has no events: t.server { events = true }", 3)
  end
  local pipe <close> = assert(io.popen(("%s events %s --events.file=%s"):format(
    quote(t.binary), words, quote(self.outbox))))
  return pipe:read "a"
end

-- What a backend would have heard by now in this example, in order; of one
-- type, if that is given. An event is there before its effects can be seen.
function Server:events(type)
  local words = "list --json --limit=1000000"
  if type then
    words = words .. " --type=" .. quote(type)
  end
  local list = {}
  for line in run_events(self, words):gmatch "[^\n]+" do
    list[#list + 1] = t.decode(line)
  end
  return list
end

-- Waits until the log matches, from byte `init` on. Returns the captures.
function Server:wait_log(pattern, init)
  local found = t.wait_until(function()
    local captures = { whole_lines(self):match(pattern, init) }
    return captures[1] and captures
  end)
  return table.unpack(found)
end

function Server:signal(name)
  os.execute(("kill -%s %d"):format(name, self.pid))
end

-- Reloads the scripts, and waits for the log line that tells how it went.
-- Returns the line, and whether the reload failed.
local function reload(self)
  local before = #self:log() + 1
  self:signal "HUP"
  local line = self:wait_log("[^\n]*reload[^\n]*", before)
  return line, line:find("reload failed", 1, true)
end

-- Reloads the scripts. Returns the log line; fails if the old scripts go on.
function Server:reload()
  local line, failed = reload(self)
  return not failed and line or error(line, 2)
end

-- The same for scripts that must not load: fails if they do.
function Server:reload_fails()
  local line, failed = reload(self)
  return failed and line or error(line, 2)
end

-- Returns a token that this server accepts. It is good for an hour, unless the
-- claims say otherwise. `level` is that of t.sign.
function Server:token(claims, level)
  local all = { exp = os.time() + 3600 }
  for name, value in pairs(claims or {}) do
    all[name] = value
  end
  return (t.sign(all, self.secret, (level or 0) + 1))
end

-- Connects and logs in; returns the client, whose `info` is the data of
-- auth_ok. The arguments are a user's name, and claims that the token has
-- beside it. Or they are one table: `user` (or `claims`, all of them, or
-- `token`, a ready one), `headers`, `session`: true asks for a session, and
-- `auth`: false leaves the connection as it is after the handshake.
function Server:connect(opts, more)
  if type(opts) ~= "table" then
    local claims = { sub = opts }
    for name, value in pairs(more or {}) do
      claims[name] = value
    end
    opts = { user = opts, claims = claims }
  end
  local client, problem = Client.new(self.ws_url, opts.headers)
  if not client then
    error("cannot connect: " .. tostring(problem), 2)
  end
  client.user, client.timeout = opts.user, t.timeout
  self.clients[#self.clients + 1] = client
  client.peers = self.clients
  if opts.auth ~= false then
    local claims = opts.claims or { sub = opts.user }
    local info, code, text = client:auth(opts.token or self:token(claims, 1),
      opts.session and {} or nil, 1)
    client.info = info or error(("%s: %s"):format(code, text), 2)
  end
  return client
end

-- Asks a handler of plain HTTP; returns the answer: `status`, `headers` (by
-- their names in lower case), `body`, and `data` if that is JSON. The options
-- are `method` (GET, or POST if there is a body), `path`, `query` (a table),
-- `headers`, and `body` (a text) or `json` (a value).
function Server:http(opts)
  local answer, problem = ask(self.url, opts, nil, t.timeout)
  if not answer then
    error(("no answer to %s: %s"):format(opts.path or "/", problem), 2)
  end
  return answer
end

function Server:drop_clients()
  for i, client in pairs(self.clients) do
    client:drop()
    self.clients[i] = nil
  end
end

-- The end of an example. Clients of the shared server, and those with sessions,
-- take their leave, so that nothing of them is there in the next example.
function Server:end_example()
  for _, client in pairs(self.clients) do
    if self.is_shared or client.session then
      client.timeout = t.timeout
      pcall(client.finish, client)
    end
  end
  self:drop_clients()
  if self.is_shared then
    run_events(self, "drop --all")
    await_log(self)
  end
  self.shown = lfs.attributes(self.dir .. "/log", "size")
end

-- Whether the process has not ended yet; a zombie has ended.
function Server:is_running()
  local state = state_of(self)
  return state and state ~= "Z"
end

-- Drops the clients, and ends the process. If `signal` is false, it only waits
-- for the end. Returns the exit status; or nil, and the number of the signal
-- that ended it.
function Server:stop(signal)
  if not Server.running[self] then
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
  Server.running[self] = nil
  local _, how, status = self.process:close()
  self.last_log = self:log()
  os.execute("rm -rf " .. quote(self.dir))
  return how == "exit" and status or nil, status
end

local function arguments(options, outbox)
  local words = {}
  for name, value in pairs(t.defaults) do
    if options[name] == nil then
      table.insert(words, ("--%s=%s"):format(name, value))
    end
  end
  table.move(t.flags, 1, #t.flags, #words + 1, words)
  for name, value in pairs(options) do
    if value then
      table.insert(words, ("--%s=%s"):format(name, value))
    end
  end
  if outbox then
    table.insert(words, "--events.url=-")
    table.insert(words, "--events.file=" .. outbox)
  end
  return words
end

-- The first line of the pipe is the pid of the shell, which exec keeps. If the
-- tests die, the kernel stops the server.
local function spawn(server, opts)
  local words = {
    "echo $$; cd " .. quote(opts.dir or "."),
    "&& exec setpriv --pdeathsig TERM env -u PERIGEE_BIN",
    "-u PERIGEE_TEST_TIMEOUT",
  }
  for name, value in pairs(opts.env or {}) do
    table.insert(words, name .. "=" .. quote(value))
  end
  local binary = t.binary
  if binary:sub(1, 1) ~= "/" then
    binary = lfs.currentdir() .. "/" .. binary
  end
  for _, word in ipairs { binary, opts.mode or "serve", server.scripts,
    table.unpack(arguments(opts.options or {}, server.outbox)) } do
    table.insert(words, quote(word))
  end
  table.insert(words, "</dev/null >" .. quote(server.dir .. "/log") .. " 2>&1")
  server.process = assert(io.popen(table.concat(words, " "), "r"))
  server.pid = server.process:read "n"
end

-- Learns the addresses from the log line that says "ready".
function Server:wait_ready()
  t.wait_until(function()
    self.url, self.port, self.admin = whole_lines(self):match
      "ready[^\n]-(https?://[^%s]-:(%d+))[^\n]* admin=([%w.:%[%]-]+)"
    return self.port or not self:is_running()
  end)
  if not self.port then
    local log = self:log()
    self:stop(false)
    error("the server did not start:\n" .. log, 3)
  end
  self.ws_url = self.url:gsub("^http", "ws") .. "/ws"
end

-- Shows what was logged since the last example.
function Server:show_log()
  local part = self:log():sub((self.shown or 0) + 1)
  io.stderr:write("\n--- the server on ", self.url or "no address yet",
    part == "" and " has logged nothing" or " has logged\n",
    part:sub(-8000), "---\n")
end

-- See t.server; `is_of_example`: it ends with the example.
function Server.start(opts, is_of_example)
  opts = opts or {}
  local dir = io.popen("mktemp -d"):read "l"
  local scripts = opts.scripts or t.scripts
  local self = setmetatable({ dir = dir, clients = {} }, Server)
  self.secret = t.defaults["auth.secret"]
  self.is_of_example = is_of_example
  self.scripts = dir .. "/scripts"
  if type(scripts) == "string" then
    self.scripts = scripts
  else
    lfs.mkdir(self.scripts)
    for name, text in pairs(scripts or { ["none.lua"] = "return {}" }) do
      self:write(name, text)
    end
  end
  if opts.events then
    self.outbox = dir .. "/events.db"
  end
  spawn(self, opts)
  Server.running[self] = true
  if not opts.no_wait then
    self:wait_ready()
  end
  return self
end

return Server
