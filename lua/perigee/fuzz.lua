-- SPDX-License-Identifier: MIT
-- `perigee fuzz`: sends each handler what its schema allows, and what it just
-- does not, to a server of its own. Loaded by testing_run.lua, with the kit.
--
-- Handlers of clients are asked by fuzz_messages.lua, those of HTTP by
-- fuzz_requests.lua. Both send one message after the other, and wait for its
-- answer: so the same seed sends the same in the same order. Handlers come in
-- turns of TURN messages. What a turn has left in the memory of Lua, after a
-- full collection and without any client, is what its handler keeps: one that
-- keeps something in each of its last turns leaks.

local cqueues = require "cqueues"
local json = require "perigee.testing_json"
local t = require "perigee.testing"
local Messages = require "perigee.fuzz_messages"
local Requests = require "perigee.fuzz_requests"
local values = require "perigee.fuzz_values"
local find_words = require "perigee.fuzz_words"

local sorted = values.sorted

local TURN = 100 -- messages
local LEAK_TURNS = 3 -- that must have kept something, one after the other
local PASSES = LEAK_TURNS + 2 -- turns of each handler, whatever the time is
local LEAK_BYTES = 16 -- for each message, at least
local PROGRESS_S = 2
local SHOWN = 400 -- bytes of a message
local WRONG = 30 -- of a hundred messages do not fit

local Fuzz = {}
Fuzz.__index = Fuzz

-- The numbers of one seed, whatever the version of Lua makes of math.random.
local function random_of(seed)
  math.randomseed(seed, 0)
  return math.random
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
  io.stderr:write(("  again  perigee fuzz %s --seed=%d --only=%s\n"):format(
    self.scripts, self.seed, kind:find "[^%w._-]" and "'" .. kind .. "'" or kind))
end

-- The line of the log that a client's error refers to, without its head. It may
-- be written a moment later.
function Fuzz:reason(ref)
  local ok, text = pcall(self.server.wait_log, self.server,
    ("ref=%s ([^\n]*)"):format(ref))
  return ok and text or "the log does not say why"
end

-- --- answers ----------------------------------------------------------------

-- Words of the server's check of a schema, not of a handler's own.
local function is_of_schema(code, text)
  return code == "BAD_JSON"
    or code == "BAD_REQUEST" and tostring(text):find "^data" ~= nil
end

-- What the answer says about the handler.
function Fuzz:judge(kind, sent, is_wrong, answer)
  local code, text = answer.code, answer.text
  local is_refused = is_of_schema(code, text)
  if code == "HANDLER_ERROR" or code == "HANDLER_TIMEOUT" then
    if not self.known[kind .. " " .. code] then
      self:fault(kind, code, self:reason(answer.ref), sent)
    end
  elseif is_wrong and not is_refused then
    self:fault(kind, "took", "its schema refuses this, and it was taken", sent)
  elseif not is_wrong and is_refused then
    self:fault(kind, "refused", "its schema allows this, and it was refused: "
      .. tostring(text), sent)
  end
end

-- A script may close a connection. If the server has ended, that was no script:
-- returns false.
function Fuzz:closed(kind, sent, reason)
  cqueues.sleep(0.01)
  if not self.server:is_running() then
    self:fault(kind, "crash", "the server has ended:\n"
      .. self.server:log():sub(-2000), sent)
    return false
  elseif reason:find "timeout" or reason:find "timed out" then
    self:fault(kind, "silence", "there was no answer for "
      .. t.timeout .. " s", sent)
  end
  return true
end

-- Data for a handler, and whether its schema refuses it.
function Fuzz:data(schema)
  local data = self.values:chance(WRONG) and self.values:wrong_data(schema)
  if data then
    return data, true
  end
  return self.values:data(schema), false
end

-- Goes on as somebody else.
local function renew(way)
  way:close()
  way:open()
end

-- Sends one message to a handler. False if the server is gone.
function Fuzz:send(way, kind)
  local schema = self.handlers[kind]
  local data, is_wrong = self:data(schema)
  local message = way:make(kind, data, is_wrong, schema)
  for _ = 1, message and 2 or 0 do
    local answer, reason = way:exchange(message)
    self.sent = self.sent + 1
    if answer and answer.code ~= "RATE_LIMITED" then
      self:judge(kind, message.text, is_wrong, answer)
      return true
    elseif not answer and not self:closed(kind, message.text, reason) then
      return false
    end
    renew(way) -- rates are those of a user, or of an address
    if not answer then
      return true
    end
  end
  return true
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
  local way = kind:find "^@http " and self.requests or self.messages
  way:open()
  for _ = 1, TURN do
    if not self:send(way, kind) then
      return false
    end
    self:progress()
    if self:is_stuck(kind) then
      break
    end
  end
  way:close()
  local before = self.bytes
  self.bytes = self:memory()
  if before then
    self:note_memory(kind, self.bytes - before)
  end
  return true
end

function Fuzz:run()
  local kinds, passes = sorted(self.handlers), 0
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

local function options()
  local all = Requests.options()
  for name, value in pairs {
    ["script.check_sent"] = true, workers = 1, deflate = false,
    ["limits.messages_per_s"] = 1000000, ["limits.burst"] = 1000000,
    ["limits.bytes_per_s"] = 1 << 30, ["limits.per_user"] = 0,
    ["limits.per_ip"] = 0, ["limits.handshakes_per_ip"] = 0,
    ["heartbeat.timeout_s"] = 3600,
  } do
    all[name] = value
  end
  return all
end

local function start(self)
  local ok, server = pcall(t.server, { scripts = self.scripts, options = options() })
  if not ok then
    io.stderr:write("perigee: ", tostring(server):match "[^\n]*\n(.*)" or server, "\n")
  end
  return ok and server
end

-- The handlers that are meant, by their keys in the scripts, and their schemas.
local function choose(sections, only)
  local handlers = {}
  for section, head in pairs { requests = "", calls = "@http " } do
    for kind, schema in pairs(sections[section].properties) do
      if not only or only == head .. kind then
        handlers[head .. kind] = schema
      end
    end
  end
  return handlers
end

-- `asked` has scripts, seed, time, only, claims and sections, those of the
-- document. Returns the exit status.
return function(asked)
  local words, query, headers = find_words(asked.scripts)
  local self = setmetatable({ scripts = asked.scripts, seed = asked.seed,
    time = asked.time, claims = asked.claims, words = words, query = query,
    headers = headers, kinds = sorted(asked.sections.calls.properties),
    values = values.new(random_of(asked.seed), words), faults = {}, known = {},
    handlers = choose(asked.sections, asked.only), kept = {}, sent = 0 }, Fuzz)
  if not next(self.handlers) then
    say(asked.only and "no handler takes " .. asked.only
      or "the scripts have no handlers")
    return 2
  end
  for kind in pairs(self.handlers) do
    self.kept[kind] = {}
  end
  self.server = start(self)
  if not self.server then
    return 2
  end
  self.messages, self.requests = Messages.new(self), Requests.new(self)
  self.started = cqueues.monotime()
  self.told = self.started
  self:run()
  local status = self.server:stop()
  if status and status ~= 0 then -- a sanitizer has found something
    self:fault("the server", "end", ("its exit status was %d:\n%s"):format(status,
      self.server.last_log:sub(-4000)))
  end
  print(("%d handlers, %d messages, %d faults (seed %d)"):format(
    #sorted(self.handlers), self.sent, #self.faults, self.seed))
  return #self.faults > 0 and 1 or 0
end
