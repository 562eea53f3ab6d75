-- SPDX-License-Identifier: MIT
-- A script that misbehaves hurts the message that asked for it, nothing else.
local cli = require "spec.support.cli"
local t = require "perigee.testing"

local script = [[
  local function forever() while true do end end
  local kept
  return {
    fine = function() return "fine" end,
    loop = forever,
    ["loop.pcall"] = function() while true do pcall(forever) end end,
    ["loop.hidden"] = function() pcall(forever) return "hidden" end,
    ["loop.xpcall"] = function() while true do xpcall(forever, forever) end end,
    ["loop.coroutine"] = function() coroutine.wrap(forever)() end,
    ["loop.coroutines"] = function()
      while true do pcall(coroutine.wrap(forever)) end
    end,
    ["loop.index"] = function()
      return setmetatable({}, { __index = forever }).x
    end,
    ["loop.close"] = function()
      local _ <close> = setmetatable({}, { __close = forever })
      error "now close"
    end,
    ["loop.wrap"] = function()
      coroutine.wrap(function()
        local _ <close> = setmetatable({}, { __close = forever })
        forever()
      end)()
    end,
    ["loop.close.it"] = function()
      local co = coroutine.create(function()
        local _ <close> = setmetatable({}, { __close = forever })
        forever()
      end)
      pcall(coroutine.resume, co)
      coroutine.close(co)
    end,
    ["loop.sort"] = function() table.sort({ 3, 2, 1 }, forever) end,
    ["memory.rep"] = function() return ("x"):rep(10 * 1024 ^ 3 // 1) end,
    ["memory.grow"] = function()
      local kept = {}
      for i = 1, 1e6 do kept[i] = ("x"):rep(1e6) .. i end
    end,
    ["stack"] = function()
      local function deeper() return 1 + deeper() end
      return deeper()
    end,
    ["error.table"] = function() error {} end,
    ["error.nil"] = function() error(nil) end,
    ["error.tostring"] = function()
      error(setmetatable({}, { __tostring = forever }))
    end,
    ["exit"] = function() os.exit(1) end,
    ["reply.cycle"] = function() local c = {} c.c = c return c end,
    ["reply.function"] = function() return print end,
    ["global"] = function() accident = 1 end,
    ["yield"] = function() coroutine.yield() end,
    ["yield.pcall"] = function() while true do pcall(coroutine.yield) end end,
    ["yield.kept"] = function()
      kept = coroutine.running()
      coroutine.yield()
    end,
    ["yield.resumed"] = function() return (coroutine.resume(kept)) end,
    ["hook"] = function() debug.sethook() end,
    ["wrap"] = function()
      local closed
      local next_one = coroutine.wrap(function(a, ...)
        local _ <close> = setmetatable({}, { __close = function()
          closed = true
        end })
        local b, c = coroutine.yield(a, select("#", ...))
        error(b .. c, 0)
      end)
      local a, n = next_one("a", nil, nil)
      local ok, text = pcall(next_one, "b", "c")
      local dead = select(2, pcall(next_one))
      return { a, n, ok, text, closed, dead }
    end,
    ["finalizer"] = function()
      setmetatable({}, { __gc = function() error "late" end })
      collectgarbage()
      return "fine"
    end,
    ["finalizer.loop"] = function()
      setmetatable({}, { __gc = forever })
      collectgarbage()
      while true do end
    end,
    ["finalizer.sleep"] = function()
      local perigee = require "perigee"
      setmetatable({}, { __gc = function() perigee.sleep(0) end })
      collectgarbage()
      return "fine"
    end,
    ["finalizer.assigned"] = function()
      local mt = { __gc = function() end }
      setmetatable({}, mt)
      mt.__gc = forever
      collectgarbage()
      while true do end
    end,
    ["finalizer.announced"] = function()
      local mt = { __gc = true }
      setmetatable({}, mt)
      mt.__gc = forever
      collectgarbage()
      while true do end
    end,
    ["finalizer.userdata"] = function()
      debug.setmetatable(io.tmpfile(), { __gc = forever })
    end,
    ["finalizer.lua"] = function()
      local log, weak, kept = {}, setmetatable({}, { __mode = "v" }), nil
      local mt = { __index = { tag = "gone" } }
      local function object(name)
        local it = setmetatable({ name = name }, mt)
        weak[name] = it
        return it
      end
      local function say(it)
        log[#log + 1] = it.name .. "," .. tostring(weak[it.name])
      end
      object "never" -- as there was no __gc yet
      mt.__gc = false -- it may become one
      local own = function(it) error "not this one" end
      local first = object "first"
      mt.__gc = own
      setmetatable(first, mt) -- once more is once
      object "second"
      local bare = setmetatable(object "bare", nil)
      local other = setmetatable(object "other", {})
      local mine = setmetatable(object "mine", {
        __gc = function(it) say(it) kept = it end,
      })
      log[#log + 1] = tostring(getmetatable(first).__gc == own)
      mt.__gc = say
      first, bare, other, mine = nil, nil, nil, nil
      collectgarbage()
      setmetatable(kept, mt) -- it was saved, and dies again
      kept = nil
      collectgarbage()
      collectgarbage()
      return log
    end,
    ["finalizer.protected"] = function()
      local it = setmetatable({}, { __metatable = "mine", __gc = print })
      local results = { getmetatable(it) }
      for _, call in ipairs {
        function() setmetatable(it, {}) end,
        function() setmetatable({}) end,
        function() setmetatable(1, {}) end,
      } do
        local _, text = pcall(call)
        results[#results + 1] = text:gsub("^.-:%d+: ", "")
      end
      return results
    end,
    ["finalizer.flood"] = function()
      while true do
        setmetatable({}, { __gc = function() end })
      end
    end,
    ["finalizer.flood.fail"] = function()
      local mt = { __gc = function() error "each of them" end }
      for _ = 1, 1000 do
        setmetatable({}, mt)
      end
      collectgarbage()
      return "fine"
    end,
    ["nested"] = function(_, data)
      local depth, levels = 0, 0
      local below = {
        plain = function(f) f() end,
        gsub = function(f) ("x"):gsub("x", function() f() end) end,
        sort = function(f)
          table.sort({ 1, 2 }, function() f() return false end)
        end,
        pcall = function(f) assert(pcall(f)) end,
      }
      local enter, nest = below[data.below]
      local closing = {
        wrap = function(closed)
          coroutine.wrap(function()
            local _ <close> = closed
            error "x"
          end)()
        end,
        close = function(closed)
          local co = coroutine.create(function()
            local _ <close> = closed
            coroutine.yield()
          end)
          coroutine.resume(co)
          coroutine.close(co)
        end,
        failed = function(closed)
          local co = coroutine.create(function()
            local _ <close> = closed
            error "x"
          end)
          coroutine.resume(co)
          coroutine.close(co)
        end,
      }
      -- As many C functions as Lua allows, and only then one that closes.
      local function down(n)
        if n == 0 or not pcall(enter, function() down(n - 1) end) then
          levels = levels + 1
          closing[data.by](setmetatable({}, { __close = nest }))
        end
      end
      function nest() depth = depth + 1 down(data.levels) end
      local ok, text = pcall(nest)
      return { ok, tostring(text):match "C stack overflow", depth > 0 }
    end,
    ["binary"] = function() return load(string.dump(forever))() end,
  }
]]

describe("A script that misbehaves", function()
  local hasty, patient -- servers: what fails by itself may take its time
  local server, alice, bob

  local function start(burst_ms)
    return t.server {
      scripts = { ["main.lua"] = script },
      options = { ["script.burst_ms"] = burst_ms, ["script.memory_mb"] = 32 },
    }
  end

  lazy_setup(function() hasty, patient = start(50), start(20000) end)

  lazy_teardown(function()
    hasty:stop()
    patient:stop()
  end)

  -- The kit drops the clients after each example.
  local function begin(where)
    server = where
    alice = server:connect { user = "alice" }
    bob = server:connect { user = "bob" }
  end

  local function hurts_only_itself(type, expected)
    local reply, code = alice:try(type)
    assert.is_nil(reply)
    assert.equal(expected, code)
    assert.equal("fine", alice:request "fine")
    assert.equal("fine", bob:request "fine")
  end

  for _, type in ipairs {
    "loop", "loop.pcall", "loop.hidden", "loop.xpcall", "loop.coroutine",
    "loop.coroutines", "loop.index", "loop.close", "loop.wrap",
    "loop.close.it", "loop.sort", "finalizer.loop", "finalizer.assigned",
    "finalizer.announced",
  } do
    it("is stopped when it computes for too long: " .. type, function()
      begin(hasty)
      hurts_only_itself(type, "HANDLER_TIMEOUT")
      hurts_only_itself(type, "HANDLER_TIMEOUT") -- in the same coroutine again
    end)
  end

  for _, type in ipairs {
    "memory.rep", "memory.grow", "error.table", "error.nil",
    "error.tostring", "exit", "reply.cycle", "reply.function", "global",
    "yield", "yield.pcall", "hook", "binary",
    "finalizer.userdata",
  } do
    it("fails by itself: " .. type, function()
      begin(patient)
      hurts_only_itself(type, "HANDLER_ERROR")
    end)
  end

  it("fails by itself when its stack overflows, or its time is over", function()
    begin(hasty)
    local reply, code = alice:try "stack"
    assert.is_nil(reply)
    assert.is_true(code == "HANDLER_ERROR" or code == "HANDLER_TIMEOUT", code)
    assert.equal("fine", alice:request "fine")
  end)

  it("does not fail for an error in a finalizer", function()
    begin(patient)
    assert.equal("fine", alice:request "finalizer")
    assert.truthy(server:wait_log "handler=__gc [^\n]*late")
    assert.equal("fine", alice:request "finalizer.sleep")
    assert.truthy(server:wait_log "handler=__gc [^\n]*cannot wait")
  end)

  it("finds finalizers and setmetatable as they are in Lua", function()
    begin(patient)
    assert.same({ "true", "mine,nil", "second,nil", "first,nil",
      "mine,nil" }, alice:request "finalizer.lua")
    assert.same({ "mine", "cannot change a protected metatable",
      "bad argument #2 to 'setmetatable' (nil or table expected, "
        .. "got no value)",
      "bad argument #1 to 'setmetatable' (table expected, got number)",
    }, alice:request "finalizer.protected")
  end)

  it("cannot go on with a call that has failed", function()
    begin(patient)
    hurts_only_itself("yield.kept", "HANDLER_ERROR")
    assert.truthy(server:wait_log
      "handler=yield.kept [^\n]*main.lua:%d+: coroutine.yield outside")
    assert.is_false(alice:request "yield.resumed")
  end)

  it("finds coroutine.wrap as it is in Lua", function()
    begin(patient)
    assert.same({ "a", 2, false, "bc", true, "cannot resume dead coroutine" },
      alice:request "wrap")
  end)

  for _, by in ipairs { "wrap", "close", "failed" } do
    for _, below in ipairs { "plain", "gsub", "sort", "pcall" } do
      it("may close what closes others: " .. by .. ", " .. below, function()
        begin(hasty)
        for _, levels in ipairs { 0, 5, 60, 180 } do
          alice:try("nested", { by = by, below = below, levels = levels })
        end
        assert.equal("fine", bob:request "fine")
      end)
    end
  end

  it("fills no log with finalizers", function()
    begin(hasty)
    hurts_only_itself("finalizer.flood", "HANDLER_TIMEOUT")
    begin(patient)
    assert.equal("fine", alice:request "finalizer.flood.fail")
    server:wait_log "handler=__gc [^\n]*each of them"
    for _, each in ipairs { hasty, patient } do
      local lines = select(2, each:log():gsub("handler=__gc", ""))
      assert.is_true(lines < 100, tostring(lines))
    end
  end)

  it("says where it was when its time was over", function()
    begin(hasty)
    alice:fails "loop"
    server:wait_log "computed for too long"
    server:wait_log "main.lua:1:"
  end)

  it("does not hang a start", function()
    finally(cli.cleanup)
    local status, _, problem = cli.run {
      "check", cli.folder { ["main.lua"] = "while true do end" },
    }
    assert.equal(1, status)
    assert.matches("main.lua:1: computed for too long", problem)
  end)
end)

describe("Scripts that fill their memory for good", function()
  it("start again from the same sources; connections and state stay",
    function()
      local server = t.server {
        scripts = { ["main.lua"] = [[
          local kept = {}
          return {
            keep = function()
              for _ = 1, 100 do kept[#kept + 1] = ("x"):rep(1e5) .. #kept end
            end,
            kept = function(client)
              client.state.asked = (client.state.asked or 0) + 1
              return { #kept, client.state.asked }
            end,
          }
        ]] },
        options = { ["script.memory_mb"] = 32, ["script.burst_ms"] = 5000 },
      }
      local alice = server:connect { user = "alice" }
      alice:request "kept"
      -- One that fails may have left garbage only: then the next one can go on.
      t.wait_until(function()
        if server:log():find("reload gen=2 is live", 1, true) then
          return true
        end
        local _, code = alice:try "keep"
        assert.truthy(not code or code == "HANDLER_ERROR"
          or code == "OVERLOADED", code)
      end)
      local kept, asked = table.unpack(alice:request "kept")
      assert.is_true(kept <= 100) -- the last one may have been for them
      assert.equal(2, asked)
      server:stop()
    end)
end)

describe("A C function that holds the loop", function()
  it("is named by the watchdog", function()
    local server = t.server { scripts = { ["main.lua"] = [[
      return {
        backtrack = function(_, n)
          return (("a"):rep(n)):match((".-"):rep(n) .. "b")
        end,
      }
    ]] } }
    local alice = server:connect { user = "alice" }
    alice:send("backtrack", 40)
    server:wait_log "(worker=1 handler=backtrack has held the loop for 1 s)"
    server:signal "KILL"
    server:stop(false)
  end)
end)
