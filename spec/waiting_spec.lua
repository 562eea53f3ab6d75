-- SPDX-License-Identifier: MIT
-- Handlers that wait: in order for their own client, unnoticed by the others.

local neighbour = require "spec.support.neighbour"
local t = require "perigee.testing"

local script = [[
local perigee = require "perigee"
local store = perigee.store -- other workers have other variables
local function wait_for(name)
  while not store.get("released " .. name) do
    perigee.sleep(0.005)
  end
end
local h = {}

h.now = function(_, data) return data end
h.where = function() return perigee.worker end

-- Waits until somebody sends `release` with the same name.
h.hold = function(client, data)
  local state = client.state
  state.held = (state.held or 0) + 1
  wait_for(data.name)
  state.done = (state.done or 0) + 1
  return { state.held, state.done, data.name }
end

h.release = function(_, data)
  store.set("released " .. data.name, true)
end

h["pcall.hold"] = function(_, data)
  return pcall(wait_for, data.name)
end

local parked
h.park = function(_, data)
  parked = coroutine.running()
  wait_for(data.name)
  return "parked"
end
h.resume_parked = function()
  return { coroutine.resume(parked, "a word"), coroutine.status(parked) }
end

local function compute(seconds)
  local stop = perigee.now() + seconds
  while perigee.now() < stop do end
end

-- None of them leaves the loop idle, nor ends.
h.busy = function(_, kind)
  local function again() perigee.spawn(again) end
  local function turn(seconds, pause)
    while true do
      perigee.sleep(pause)
      compute(seconds)
    end
  end
  if kind == "spawn" then
    again()
  elseif kind == "sleep" then
    perigee.spawn(turn, 0, 0)
  else
    for _ = 1, 10 do
      perigee.spawn(turn, 0.002, 0.001)
    end
  end
end

h.sort = function()
  local list = { 3, 1, 2 }
  table.sort(list, function(a, b) perigee.sleep(0) return a < b end)
end

h.coroutine = function()
  return coroutine.wrap(function() perigee.sleep(0) return 1 end)()
end

h.negative = function() perigee.sleep(-1) end
h.nan = function() perigee.sleep(0 / 0) end

h.wrapped = function() -- through pcall, a metamethod and an iterator
  local object = setmetatable({}, {
    __index = function(_, key) perigee.sleep(0.001) return key end,
  })
  local list = {}
  for value in function(_, last)
    perigee.sleep(0.001)
    return (last or 0) < 3 and (last or 0) + 1 or nil
  end do
    list[#list + 1] = value
  end
  local ok, value = pcall(function() return object.field end)
  return { ok, value, #list }
end

h["two.values"] = function()
  perigee.sleep(0.001)
  return nil, "chat.muted", "later refused"
end

h.slow_error = function()
  perigee.sleep(0.001)
  error "after the pause"
end

return h
]]

local function next_message(client)
  return t.decode((client:receive()))
end

describe("a handler that waits", function()
  local server, alice, bob

  setup(function()
    server = t.server {
      scripts = { ["wait.lua"] = script },
      options = {
        ["heartbeat.interval_s"] = 3600, -- no pings in between
        ["limits.messages_per_s"] = 0, ["limits.bytes_per_s"] = 0,
      },
    }
  end)
  teardown(function() server:stop() end)
  before_each(function()
    alice = server:connect { user = "alice" }
    bob = server:connect { user = "bob" }
  end)

  it("delays its own client's messages, in order", function()
    alice:send("hold", { name = "order" }, 1)
    alice:send("now", "second", 2)
    alice:send("hold", { name = "order" }, 3)
    alice:send("now", "fourth", 4)
    -- Alice's second message is not answered: bob's word comes after it.
    assert.equal("hello", bob:request("now", "hello"))
    bob:request("release", { name = "order" })
    for id = 1, 4 do
      local reply = next_message(alice)
      assert.equal("reply", reply.type)
      assert.equal(id, reply.id)
    end
  end)

  it("answers pings of its client meanwhile", function()
    alice:send("hold", { name = "ping" }, 1)
    alice:send("ping", nil, 2)
    assert.same({ type = "pong", id = 2 }, next_message(alice))
    bob:request("release", { name = "ping" })
    assert.equal(1, next_message(alice).id)
  end)

  it("goes on although many messages wait behind it", function()
    -- More than the 64 that are kept, and more than libwebsockets reads at once:
    -- the rest waits in the sockets.
    local patient = server:connect { user = "patient" }
    patient:send("hold", { name = "many" }, 1)
    local text = ("x"):rep(3000)
    for id = 2, 200 do
      patient:send("now", text, id)
    end
    assert.equal("hello", bob:request("now", "hello"))
    bob:request("release", { name = "many" })
    for id = 1, 200 do
      assert.equal(id, next_message(patient).id)
    end
  end)

  it("may wait through pcall, metamethods and iterators", function()
    assert.same({ true, "field", 3 }, alice:request("wrapped"))
  end)

  it("may refuse or fail after the pause", function()
    local _, code, text = alice:try("two.values")
    assert.same({ "chat.muted", "later refused" }, { code, text })
    local _, failed = alice:try("slow_error")
    assert.equal("HANDLER_ERROR", failed)
    assert.truthy(server:wait_log "handler=slow_error.-after the pause")
  end)

  it("is told where it cannot wait", function()
    for name, text in pairs {
      sort = "cannot wait below a C function",
      coroutine = "cannot wait in a coroutine of the script's own",
      negative = "seconds must be from 0",
      nan = "seconds must be from 0",
    } do
      local _, code = alice:try(name)
      assert.equal("HANDLER_ERROR", code)
      local found = server:wait_log("handler=" .. name .. " [^\n]*("
        .. text:gsub("%p", "%%%0") .. ")")
      assert.equal(text, found)
      assert.equal("next", alice:request("now", "next"))
    end
  end)

  it("goes on when it should, whoever resumes its coroutine", function()
    local carol = neighbour(server, alice, "carol")
    alice:send("park", { name = "parked" }, 1)
    assert.equal("hello", carol:request("now", "hello"))
    assert.same({ true, "suspended" }, carol:request "resume_parked")
    alice:send("now", "second", 2)
    carol:request("release", { name = "parked" })
    assert.equal("parked", next_message(alice).data)
    assert.equal("second", next_message(alice).data)
  end)

  for _, kind in ipairs { "spawn", "sleep", "compute" } do
    it("lets others have a turn: " .. kind, function()
      local busy = t.server { scripts = { ["wait.lua"] = script } }
      local client = busy:connect { user = "carol" }
      client:request("busy", kind)
      assert.equal("hello", client:request("now", "hello"))
      assert.equal(0, busy:stop())
    end)
  end

  it("ends although its client is gone", function()
    local carol = server:connect { user = "carol" }
    carol:send("hold", { name = "gone" }, 1)
    assert.equal("hello", bob:request("now", "hello"))
    local before = #server:log() + 1
    carol:drop()
    server:wait_log("(user=carol closed)", before)
    bob:request("release", { name = "gone" })
    assert.equal("hello", bob:request("now", "hello"))
  end)
end)

describe("a client that goes while its handler waits", function()
  local server, bob

  setup(function()
    server = t.server { scripts = { ["wait.lua"] = [[
      local perigee = require "perigee"
      local store = perigee.store
      local function note(client, what)
        local seen = store.get "seen" or {}
        table.insert(seen, client.user_id .. " " .. what)
        store.set("seen", seen)
      end
      return {
        hold = function(client)
          note(client, "begins")
          while not store.get "released" do perigee.sleep(0.005) end
          note(client, client:is_open() and "open" or "closed")
        end,
        word = function(client, data) note(client, data) end,
        release = function() store.set("released", true) end,
        seen = function() return store.get "seen" end,
        kick = function() return perigee.kick "alice" end,
        ["@leave"] = function(client, room)
          perigee.sleep(0.001)
          note(client, "leaves " .. room)
        end,
        ["@disconnect"] = function(client)
          perigee.sleep(0.001)
          note(client, "disconnects")
        end,
      }
    ]] } }
  end)
  teardown(function() server:stop() end)

  it("is heard to the end, and then farewelled", function()
    bob = server:connect { user = "bob" }
    local alice = server:connect { user = "alice" }
    alice:request("join", { room = "r" })
    alice:send "hold"
    alice:send("word", "last word")
    alice:request "ping"
    alice:close()
    server:wait_log "(user=alice closed by peer)"
    bob:request "release"
    assert.same({ "alice begins", "alice closed", "alice last word",
      "alice leaves r", "alice disconnects" }, t.wait_until(function()
        local seen = bob:request "seen"
        return seen[5] and seen
      end))
  end)
end)


describe("the end of a server", function()
  it("ends what @stop has begun", function()
    local server = t.server { scripts = { ["stop.lua"] = [[
      local perigee = require "perigee"
      return { ["@stop"] = function()
        perigee.spawn(function() perigee.sleep(3600) end)
        perigee.sleep(0.05)
      end }
    ]] } }
    assert.equal(0, server:stop())
  end)

  it("says every farewell, however many wait", function()
    local rooms = 20
    local server = t.server { scripts = { ["leave.lua"] = [[
      local perigee = require "perigee"
      local left = 0
      return {
        ["@leave"] = function()
          left = left + 1
          perigee.log.info("left", { n = left })
          perigee.sleep(3600)
        end,
        ["@disconnect"] = function() perigee.log.info "farewell" end,
      }
    ]] } }
    local alice = server:connect { user = "alice" }
    for i = 1, rooms do
      alice:request("join", { room = "r" .. i })
    end
    assert.equal(0, server:stop())
    assert.matches("left n=" .. rooms .. "\n", server.last_log)
    assert.matches("farewell", server.last_log)
  end)
end)
