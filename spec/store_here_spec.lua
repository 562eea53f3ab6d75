-- SPDX-License-Identifier: MIT
-- What only the store of one process does.
local start = require("spec.support.store").start

describe("The store of one process", function()
  local server, alice

  lazy_setup(function() server = start() end)

  lazy_teardown(function() server:stop() end)

  before_each(function()
    alice = server:connect { user = "alice" }
    alice:request("run", "for _, k in ipairs(store.keys()) do "
      .. "store.delete(k) end")
  end)

  local function run(source)
    local result, code, text = alice:try("run", source)
    assert(code == nil, text)
    return result
  end

  it("can be used by finalizers while it gives something back", function()
    assert.is_true(run [[
      local going, calls = true, 0
      local function litter()
        setmetatable({}, { __gc = function()
          calls = calls + 1
          store.set("other", { ("y"):rep(100000) })
          store.get "other"
          if going and calls < 20 then litter() end
        end })
      end
      local value, keys = {}, json.array {}
      for i = 1, 500 do
        value[i] = { ("x"):rep(i) }
        keys[i] = ("key %04d %s"):format(i, ("k"):rep(100))
        store.set(keys[i], i)
      end
      store.set("value", value)
      collectgarbage "incremental"
      collectgarbage("setpause", 0)
      collectgarbage("setstepmul", 1000)
      collectgarbage() -- the pause counts from here
      litter()
      local got = store.get "value"
      local before = calls
      calls = 0
      litter()
      local listed = store.keys "key"
      going = false
      collectgarbage "generational"
      assert(before > 0 and calls > 0, "no finalizer ran")
      return same(value, got) and same(keys, listed)
    ]])
  end)

  it("calls the function again when another was faster", function()
    assert.same({ 2, 12 }, run [[
      local calls = 0
      store.set("n", 1)
      local sum = store.update("n", function(n)
        calls = calls + 1
        if calls == 1 then store.incr("n", 10) end
        return n + 1
      end)
      return { calls, sum }
    ]])
  end)

  it("looks at no more than 100000 keys for that", function()
    local found, code, text = alice:try("run", [[
      store.set("first", 1)
      for i = 2, 100000 do store.set("k" .. i, i) end
      local all, more = store.keys "first"
      store.set("last", 1)
      local rest, more_then = store.keys "first"
      local last, more_last = store.keys "last"
      return { #all, more == nil, #rest, more_then, #last, more_last }
    ]])
    assert.same({ 1, true, 0, true, 1, true }, found, text or code)
  end)
end)
