-- SPDX-License-Identifier: MIT
-- perigee.owner: what runs in one place of all workers and machines.
--
-- Three keys of the store are one name's:
--   lease  who owns it, with a time: it is gone when its owner is
--   record the owner's token, the state that was saved last, and the number of
--          the last message that is in it; or that it is over
--   inbox  the owner's token, the number of the last message, and those that are
--          in no saved state yet
-- A token is new with each taking of the lease. Whoever takes it writes his
-- token into record and inbox; so one who has lost the lease without knowing
-- (he stood still) can save nothing any more. And as a message leaves the inbox
-- when a state is saved that has it, the next owner, who goes on from that
-- state, has each message once.
--
-- Every worker that has asked for the name tries to get the lease, now and then.
-- It believes in it for BELIEF of its time, counted from before it asked: so
-- that it has stopped when others can have it.

local core = require "perigee.core"
local place = require "perigee.place"

local store = core.store

local BELIEF, LOOKS = 0.75, 4 -- of the lease; looks in its time
local KEEP_S, OVER_S = 86400, 60 + place.lease_s
local INBOX_MAX = 1000
local TOO_LARGE = "more than %d+ bytes" -- a value, says the store
local SHORTEST_S, LONGEST_S = 0.01, 60

local Owner = {}
Owner.__index = Owner
Owner.__metatable = false

local HAND_OVER_S = 1 -- no more are handed over after that

local owners = {} -- by name; those that this worker wants to be, or is
local ending = false -- these scripts are about to be replaced, or the server to end

local function key_of(self, what)
  return "owner:" .. self.name .. ":" .. what
end

-- What a function given to store.update returns to change nothing.
local function lost() return nil, "LOST", "another place owns it" end

local function stop_ticking(self)
  if self.ticking then self.ticking:cancel() end
  self.ticking, self.token, self.state = nil, nil, nil
end

local function lose(self, why)
  if not self.token then return end
  stop_ticking(self)
  core.log.warn(("perigee.owner: '%s' is not owned here any more: %s"):format(self.name, why))
end

-- Gives the lease back, if it is still this one.
local function release(self, token)
  return store.update(key_of(self, "lease"), function(lease)
    if not lease or lease.token ~= token then return lost() end
    return nil
  end)
end

-- Whether it may act now.
local function owns(self)
  if self.token and place.clock() < self.believed then return true end
  lose(self, "its lease could not be renewed in time")
  return false
end

-- Changes record or inbox, if they are still its own.
local function change(self, what, compute, ttl)
  local token = self.token
  local value, code, text = store.update(key_of(self, what), function(value)
    if not value or value.token ~= token then return lost() end
    return compute(value)
  end, ttl)
  if code == "LOST" and self.token == token then lose(self, text) end
  return value, code
end

-- It wants the name no more.
local function retire(self)
  self.watching:cancel()
  if owners[self.name] == self then owners[self.name] = nil end
end

-- --- its life ----------------------------------------------------------------

local function save(self)
  local upto
  local good, problem, code = pcall(change, self, "record", function(record)
    upto = self.upto
    return { token = record.token, state = self.state, upto = upto }
  end, KEEP_S)
  if not good then -- it is too large, or no plain data: no news for a while
    self.saved = place.clock()
    error(("perigee.owner: the state of '%s' cannot be saved: %s"):format(self.name, problem), 0)
  end
  if code then return end -- the next tick tries again
  self.saved = place.clock()
  change(self, "inbox", function(inbox)
    local first = inbox.last - #inbox.told + 1
    local done = upto - first + 1
    if done <= 0 then return nil, "NOTHING", "" end
    inbox.told = core.json.array(table.move(inbox.told, done + 1, #inbox.told, 1, {}))
    return inbox
  end, KEEP_S)
end

-- It has ended by itself: nobody begins it again who does not ask anew.
local function finish(self)
  local token = self.token
  local _, code = change(self, "record", function() return { over = true } end, OVER_S)
  if code then return end -- the next tick tries again, if it is still owned
  change(self, "inbox", function() return nil end)
  stop_ticking(self)
  retire(self)
  release(self, token)
end

-- What it was told since the last time; nothing while Redis is away.
local function take(self)
  local new, token = core.json.array {}, self.token
  local inbox, code = store.get(key_of(self, "inbox"))
  if self.token ~= token or code then return new end
  if not inbox or inbox.token ~= token then
    lose(self, "another place owns it")
    return new
  end
  local before = inbox.last - #inbox.told
  for i = math.max(1, self.upto - before + 1), #inbox.told do
    new[#new + 1] = inbox.told[i]
  end
  self.upto = inbox.last
  return new
end

local function tick(self)
  if not owns(self) then return end
  self.working = true -- messages are taken that are in no state yet
  local told = take(self)
  if not owns(self) then return end
  local token = self.token
  local state = self.def.tick(self.state, told, self.name)
  if self.token ~= token then return end -- it has waited for too long
  if state == nil then
    finish(self)
    return
  end
  self.state, self.working = state, false
  if place.clock() >= self.saved + (self.def.save or 1) then save(self) end
end

-- --- the lease ---------------------------------------------------------------

-- One of another load of the scripts, in this worker, makes way at once.
local function get_lease(self, token)
  local got, code = store.update(key_of(self, "lease"), function(lease)
    if lease and lease.who ~= place.who then return lost() end
    return { who = place.who, token = token }
  end, place.lease_s)
  return got ~= nil, code
end

-- Record and inbox become those of the token. Nil: they did not.
local function claim(self, token, wanted)
  local record, code = store.update(key_of(self, "record"), function(record)
    if record and record.over then
      if not wanted then return nil, "OVER", "" end
      record = nil
    end
    return { token = token, state = record and record.state, upto = record and record.upto or 0 }
  end, KEEP_S)
  if not record then return nil, code end
  local inbox = store.update(key_of(self, "inbox"), function(inbox)
    local told = inbox and inbox.told or core.json.array {}
    local last = inbox and inbox.last or 0
    -- One that is younger than the record, which Redis has lost, counts on.
    if last < record.upto then last = record.upto + #told end
    return { token = token, told = told, last = last }
  end, KEEP_S)
  return inbox and record
end

local function begin(self, token, asked, record)
  -- Scripts that have been replaced get no timers any more.
  local good, ticking = pcall(core.every, self.def.every, function() tick(self) end)
  if not good then return false end
  self.token, self.believed = token, asked + BELIEF * place.lease_s
  self.state, self.upto, self.saved = record.state, record.upto, place.clock()
  self.ticking = ticking
  return true
end

local function become_owner(self)
  local asked, token, wanted = place.clock(), place.token(), self.wanted
  self.wanted = false -- whoever has it is seen here, unless Redis is away
  local got, code = get_lease(self, token)
  if not got then
    self.wanted = self.wanted or (wanted and code ~= "LOST")
    return
  end
  local record
  if place.clock() < asked + BELIEF * place.lease_s then
    record, code = claim(self, token, wanted or self.wanted)
  end
  if code == "OVER" then retire(self) end
  if not record or not begin(self, token, asked, record) then
    self.wanted = self.wanted or wanted
    release(self, token)
  end
end

local function renew(self)
  local asked, token = place.clock(), self.token
  self.wanted = false
  local lease, code, text = store.update(key_of(self, "lease"), function(lease)
    if not lease or lease.token ~= token then return lost() end
    return lease
  end, place.lease_s)
  if self.token ~= token then return end
  if lease then
    self.believed = asked + BELIEF * place.lease_s
  elseif code == "LOST" then
    lose(self, text)
  end
end

local function watch(self)
  if self.busy or ending then return end
  self.busy = true
  local good, problem = pcall(self.token and renew or become_owner, self)
  self.busy = false
  if not good then error(problem, 0) end
end

-- The next owner need not wait until the lease is over. Where a tick is at work,
-- or has raised, he goes on from what was saved before.
local function hand_over(self)
  local token = self.token
  if not owns(self) then return end
  if not self.working then save(self) end
  if self.token ~= token then return end
  stop_ticking(self)
  release(self, token)
end

-- Called behind @stop, which is not to take long.
function place.hand_over()
  local since, all = place.clock(), {}
  ending = true
  for _, self in pairs(owners) do all[#all + 1] = self end
  for _, self in ipairs(all) do
    if place.clock() > since + HAND_OVER_S then break end
    local good, problem = pcall(hand_over, self)
    if not good then
      core.log.error(("perigee.owner: '%s' is not handed over: %s"):format(self.name, problem))
    end
  end
end

-- --- for scripts -------------------------------------------------------------

local function overloaded() return nil, "OVERLOADED", "its owner has not saved what it was told" end

-- In the order of these calls. True; or nil, code, text.
function Owner:tell(message)
  if message == nil then error("owner:tell: a message expected, got nil", 2) end
  local waiting
  local good, inbox, code, text = pcall(store.update, key_of(self, "inbox"), function(inbox)
    inbox = inbox or { told = core.json.array {}, last = 0 }
    waiting = #inbox.told
    if waiting >= INBOX_MAX then return overloaded() end
    inbox.told[waiting + 1], inbox.last = message, inbox.last + 1
    return inbox
  end, KEEP_S)
  if not good then
    local is_full = waiting and waiting > 0 and tostring(inbox):find(TOO_LARGE)
    if is_full then return overloaded() end
    error(("owner:tell: %s"):format(inbox), 2)
  elseif inbox then
    return true
  end
  return nil, code, text
end

-- Whether it is owned by this worker now.
function Owner:is_here()
  return self.token ~= nil and place.clock() < self.believed
end

local function check(name, def)
  if type(name) ~= "string" or #name < 1 or #name > 128 then
    error("perigee.owner: a name has 1 to 128 bytes", 3)
  elseif type(def) ~= "table" or type(def.tick) ~= "function" then
    error("perigee.owner: { every = seconds, tick = function } expected", 3)
  elseif type(def.every) ~= "number" or not (def.every >= SHORTEST_S
    and def.every <= LONGEST_S) then
    error("perigee.owner: every must be from 0.01 to 60 seconds", 3)
  elseif def.save ~= nil and not (type(def.save) == "number" and def.save >= 0) then
    error("perigee.owner: save must be seconds, 0 or more", 3)
  elseif not place.is_one_store then
    error("perigee.owner: with engine = \"redis\" it needs store.shared = true: " ..
      "each machine would have an owner", 3)
  end
end

-- This worker wants to own the name, until it is over.
return function(name, def)
  check(name, def)
  local self = owners[name]
  if not self then
    self = setmetatable({ name = name, def = def }, Owner)
    -- It raises while scripts are loaded, and that is theirs to mend.
    local good, watching = pcall(core.every, place.lease_s / LOOKS, function() watch(self) end)
    if not good then error("perigee.owner: " .. watching, 2) end
    self.watching = watching
    owners[name] = self
    core.spawn(watch, self)
  end
  self.def, self.wanted = def, true
  return self
end
