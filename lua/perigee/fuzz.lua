-- SPDX-License-Identifier: MIT
-- `perigee fuzz`: sends each handler what its schema allows, and what it just
-- does not, to a server of its own. Loaded by testing_run.lua, with the kit.
--
-- One message after the other, each with an id: so the same seed sends the same
-- messages in the same order. Handlers come in turns of TURN messages. What a
-- turn has left in the memory of Lua, after a full collection and without any
-- client, is what its handler keeps: one that keeps something in each of its
-- last turns leaks.

local cqueues = require "cqueues"
local lfs = require "lfs"
local json = require "perigee.testing_json"
local t = require "perigee.testing"
local values = require "perigee.fuzz_values"

local TURN = 100 -- messages
local LEAK_TURNS = 3 -- that must have kept something, one after the other
local PASSES = LEAK_TURNS + 2 -- turns of each handler, whatever the time is
local LEAK_BYTES = 16 -- for each message, at least
local PROGRESS_S = 2
local SHOWN = 400 -- bytes of a message
local WRONG = 30 -- of a hundred messages do not fit

local Fuzz = {}
Fuzz.__index = Fuzz

local function sorted(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

-- The numbers of one seed, whatever the version of Lua makes of math.random.
local function random_of(seed)
  math.randomseed(seed, 0)
  return math.random
end

-- --- words of the scripts ---------------------------------------------------

-- What stands in quotes in a script often means something to it.
local function add_words(found, path)
  local file = io.open(path, "rb")
  local text = file and file:read "a" or ""
  if file then
    file:close()
  end
  for _, pattern in ipairs { '"([^"\n\\]+)"', "'([^'\n\\]+)'" } do
    for word in text:gmatch(pattern) do
      if #word <= 40 and utf8.len(word) then
        found[word] = true
      end
    end
  end
end

local function words_of(folder, found)
  found = found or { lobby = true, alice = true, bob = true }
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    if name:sub(1, 1) ~= "." and lfs.attributes(path, "mode") == "directory" then
      words_of(path, found)
    elseif name:find "%.lua$" then
      add_words(found, path)
    end
  end
  return found
end

-- --- telling ----------------------------------------------------------------

local function say(...)
  io.stderr:write("perigee: ", table.concat({ ... }), "\n")
end

function Fuzz:progress()
  local now = cqueues.monotime()
  if now - self.told >= PROGRESS_S then
    self.told = now
    say(("fuzz: %d s, %d messages, %d faults"):format(
      math.floor(now - self.started), self.sent, #self.faults))
  end
end

local function shorten(text)
  return #text > SHOWN and text:sub(1, SHOWN) .. "…" or text
end

-- A fault is told once for each handler and kind.
function Fuzz:fault(kind, what, text, message)
  local key = kind .. " " .. what
  if self.known[key] then
    return
  end
  self.known[key] = true
  table.insert(self.faults, key)
  say(("%s: %s"):format(kind, text))
  if message then
    io.stderr:write("  sent   ", shorten(message), "\n")
  end
  io.stderr:write(("  again  perigee fuzz %s --seed=%d --only=%s\n")
    :format(self.scripts, self.seed, kind))
end

-- The line of the log that a client's error refers to, without its head. It may
-- be written a moment later.
function Fuzz:reason(ref)
  local ok, text = pcall(self.server.wait_log, self.server,
    ("ref=%s ([^\n]*)"):format(ref))
  return ok and text or "the log does not say why"
end

-- --- clients ----------------------------------------------------------------

-- The claims are those of --claim for every other user.
function Fuzz:connect()
  self.users = self.users + 1
  local user = ("fuzz%d"):format(self.users)
  local client = self.server:connect(user,
    self.users % 2 == 1 and self.claims or nil)
  for _, room in ipairs { "lobby", self.values:pick(self.words) } do
    client:try("join", { room = room })
  end
  return client
end

-- Pushes are looked at by the server: see script.check_sent.
local function forget(client)
  for i = #client.inbox, 1, -1 do
    client.inbox[i] = nil
  end
end

-- Sends one message; returns its answer: a reply's data, or nil, code, text and
-- ref; or nil, "CLOSED".
local function exchange(client, kind, data)
  local ok, result, code, text, problem = pcall(client.try, client, kind, data)
  forget(client)
  if not ok then
    return nil, "CLOSED", result
  end
  return result, code, text, problem and problem.ref
end

local function message_text(kind, data)
  return data == values.absent and ('{"type":"%s","id":1}'):format(kind)
    or ('{"type":"%s","id":1,"data":%s}'):format(kind, json.encode(data))
end

-- What the answer says about the handler.
function Fuzz:judge(kind, sent, is_wrong, code, text, ref)
  if code == "HANDLER_ERROR" or code == "HANDLER_TIMEOUT" then
    if not self.known[kind .. " " .. code] then
      self:fault(kind, code, self:reason(ref), sent)
    end
  elseif is_wrong and code ~= "BAD_REQUEST" then
    self:fault(kind, "took", "its schema refuses this, and it was taken", sent)
  elseif not is_wrong and code == "BAD_REQUEST" then
    self:fault(kind, "refused", "its schema allows this, and it was refused: "
      .. tostring(text), sent)
  end
end

-- A script may close a connection. If the server has ended, that was no script.
function Fuzz:closed(kind, sent, text)
  cqueues.sleep(0.01)
  if not self.server:is_running() then
    self:fault(kind, "crash", "the server has ended:\n"
      .. self.server:log():sub(-2000), sent)
    return false
  elseif tostring(text):find "timeout" then
    self:fault(kind, "silence", "there was no answer for "
      .. t.timeout .. " s", sent)
  end
  return true
end

-- Sends one message to a handler. Returns the client to go on with; nil if the
-- server is gone.
function Fuzz:send(client, kind)
  local schema, is_wrong = self.requests[kind], self.values:chance(WRONG)
  local data
  if is_wrong then
    data = self.values:wrong_data(schema)
    is_wrong = data ~= nil
  end
  if data == nil then
    data = self.values:data(schema)
  end
  local sent = message_text(kind, data)
  for _ = 1, 2 do
    local plain = data
    if data == values.absent then
      plain = nil
    end
    local _, code, text, ref = exchange(client, kind, plain)
    self.sent = self.sent + 1
    if code == "CLOSED" then
      return self:closed(kind, sent, text) and self:connect() or nil
    elseif code ~= "RATE_LIMITED" then
      self:judge(kind, sent, is_wrong, code, text, ref)
      return client
    end
    client:drop() -- rates are those of a user
    client = self:connect()
  end
  return client
end

-- --- turns ------------------------------------------------------------------

-- Bytes of Lua after a full collection, when nobody is connected any more.
function Fuzz:memory()
  self.server:drop_clients()
  return t.wait_until(function()
    local port = self.server.admin:match "%d+$"
    local pipe = io.popen(("curl -s -m 5 'http://127.0.0.1:%s/stats?collect=1'")
      :format(port))
    local stats = json.decode(pipe:read "a")
    pipe:close()
    local bytes, connections = 0, 0
    for _, worker in ipairs(stats and stats.workers or {}) do
      bytes = bytes + (worker.lua_bytes or 0)
      connections = connections + (worker.connections or 1)
    end
    return connections == 0 and bytes > 0 and bytes
  end)
end

-- Notes what a turn of this handler has kept.
function Fuzz:note_memory(kind, bytes)
  local turns = self.kept[kind]
  table.insert(turns, bytes)
  for i = #turns - LEAK_TURNS + 1, #turns do
    if i < 2 or turns[i] < TURN * LEAK_BYTES then -- the first one fills caches
      return
    end
  end
  self:fault(kind, "leak", ("each message leaves %d bytes in the memory of Lua"):format(
    bytes // TURN))
end

function Fuzz:is_over()
  return cqueues.monotime() >= self.started + self.time
end

-- Each message to such a handler takes as long as one may.
function Fuzz:is_stuck(kind)
  return self.known[kind .. " HANDLER_TIMEOUT"]
end

-- One turn of a handler. False if the server is gone.
function Fuzz:turn(kind)
  local client = self:connect()
  for _ = 1, TURN do
    client = self:send(client, kind)
    if not client then
      return false
    end
    self:progress()
    if self:is_stuck(kind) then
      break
    end
  end
  local before = self.bytes
  self.bytes = self:memory()
  if before then
    self:note_memory(kind, self.bytes - before)
  end
  return true
end

function Fuzz:run()
  local kinds, passes = sorted(self.requests), 0
  repeat
    local is_busy = false
    for _, kind in ipairs(kinds) do
      if not self:is_stuck(kind) then
        is_busy = true
        if not self:turn(kind) then
          return
        end
      end
    end
    passes = passes + 1
  until not is_busy or passes >= PASSES and self:is_over()
end

-- --- the command ------------------------------------------------------------

local function start(self)
  local ok, server = pcall(t.server, { scripts = self.scripts, options = {
    ["script.check_sent"] = true, workers = 1, deflate = false,
    ["limits.messages_per_s"] = 1000000, ["limits.burst"] = 1000000,
    ["limits.bytes_per_s"] = 1 << 30, ["limits.per_user"] = 0,
    ["limits.per_ip"] = 0, ["limits.handshakes_per_ip"] = 0,
    ["heartbeat.timeout_s"] = 3600,
  } })
  if not ok then
    io.stderr:write("perigee: ", tostring(server):match "[^\n]*\n(.*)" or server, "\n")
  end
  return ok and server
end

-- `asked` has scripts, seed, time, only, claims and document. Returns the exit
-- status.
return function(asked)
  local random = random_of(asked.seed)
  local words = sorted(words_of(asked.scripts))
  local self = setmetatable({ scripts = asked.scripts, seed = asked.seed,
    time = asked.time, claims = asked.claims, words = words,
    values = values.new(random, words), requests = {}, faults = {}, known = {},
    kept = {}, sent = 0, users = 0 }, Fuzz)
  for kind, schema in pairs(asked.requests) do
    if not asked.only or asked.only == kind then
      self.requests[kind], self.kept[kind] = schema, {}
    end
  end
  if not next(self.requests) then
    say(asked.only and "no handler takes " .. asked.only
      or "the scripts have no handlers")
    return 2
  end
  self.server = start(self)
  if not self.server then
    return 2
  end
  self.started = cqueues.monotime()
  self.told = self.started
  self:run()
  local status = self.server:stop()
  if status and status ~= 0 then -- a sanitizer has found something
    self:fault("the server", "end", ("its exit status was %d:\n%s"):format(status,
      self.server.last_log:sub(-4000)))
  end
  print(("%d handlers, %d messages, %d faults (seed %d)"):format(
    #sorted(self.requests), self.sent, #self.faults, self.seed))
  return #self.faults > 0 and 1 or 0
end
