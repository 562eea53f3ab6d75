-- SPDX-License-Identifier: MIT
-- What the store keeps, and what it does with it.
local redis_server = require "spec.support.redis"
local store = require "spec.support.store"
local t = require "perigee.testing"

-- `start` makes a server; `is_shared`: its store is in a Redis.
local function examples(start, is_shared)
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

  it("keeps a value for every client until it is deleted", function()
    assert.equal(t.null, alice:request("get", "color"))
    run "store.set('color', 'red')"
    local bob = server:connect { user = "bob" }
    assert.equal("red", bob:request("get", "color"))
    run "store.set('color', 'blue')"
    assert.equal("blue", bob:request("get", "color"))
    assert.same({ true, false },
      run "return { store.delete 'color', store.delete 'color' }")
    assert.equal(t.null, bob:request("get", "color"))
  end)

  it("deletes what is set to nil", function()
    run "store.set('a', 1) store.set('a', nil)"
    assert.same({}, run "return store.keys()")
  end)

  for what, value in pairs {
    ["false"] = "false",
    ["true"] = "true",
    ["an integer"] = "5",
    ["a whole float"] = "5.0",
    ["the largest integers"] = "{ math.maxinteger, math.mininteger }",
    ["floats"] = "{ 0.1 + 0.2, 5e-324, -0.0, math.huge, -math.huge, 0/0 }",
    ["a float alone"] = "-0.0",
    ["a string of digits"] = "'5'",
    ["an empty string"] = "''",
    ["every byte"] = "(function() local b = {} for i = 0, 255 do "
      .. "b[#b + 1] = string.char(i) end return table.concat(b) end)()",
    ["null"] = "json.null",
    ["an empty table"] = "{}",
    ["an empty array"] = "json.array {}",
    ["arrays in objects in arrays"] =
      "json.array { { a = json.array { json.null, {} } }, json.array {} }",
    ["keys of every kind"] = "{ 'list', [0] = 0, [-1] = 1, [2.5] = 2, "
      .. "[true] = 3, [false] = 4, [json.null] = 5, ['1'] = 6, ['\\0'] = 7, "
      .. "[1 << 40] = 8 }",
    ["holes"] = "{ 1, nil, 3, nil, 5 }",
    ["64 levels"] = "(function() local v = 1 for i = 1, 64 do v = { v } end "
      .. "return v end)()",
    ["a thousand entries"] = "(function() local v = {} for i = 1, 1000 do "
      .. "v[i] = { id = i, name = 'n' .. i } end return v end)()",
    ["half a MiB"] = "('x'):rep(512 * 1024 - 4)",
  } do
    it("gives back exactly " .. what, function()
      assert.is_true(run("local v = " .. value .. " store.set('v', v) "
        .. "return same(v, store.get 'v')"))
    end)
  end

  it("holds copies", function()
    assert.same({ 1, 1 }, run [[
      local v = { n = { 1 } }
      store.set("v", v)
      v.n[1] = 2
      local got = store.get "v"
      local first = got.n[1]
      got.n[1] = 3
      return { first, store.get("v").n[1] }
    ]])
  end)

  it("asks no metatable", function()
    assert.same({ true, "a" }, run [[
      local meta = { __index = error, __pairs = error, __len = error }
      store.set("v", setmetatable({ "a" }, meta))
      local v = store.get "v"
      return { getmetatable(v) == nil, v[1] }
    ]])
  end)

  it("sets what is not there, and only that, with add", function()
    assert.same({ true, false, 1 }, run [[
      return { store.add("a", 1), store.add("a", 2), (store.get "a") }
    ]])
    assert.same({ true, false, false }, run [[
      store.delete "a"
      return { store.add("a", false), store.add("a", 2), (store.get "a") }
    ]])
  end)

  it("counts", function()
    assert.same({ 1, 2, 12, 7, 7 }, run [[
      return { store.incr "n", store.incr "n", store.incr("n", 10),
        store.incr("n", -5), (store.get "n") }
    ]])
    assert.is_true(run [[
      store.set("n", 1)
      return same(store.incr("n", 0.5), 1.5) and same(store.incr("n", 2), 3.5)
    ]])
  end)

  for _, kind in ipairs { "incr", "update" } do
    it("loses no count of many clients that " .. kind, function()
      local clients = {}
      for i = 1, 5 do
        clients[i] = server:connect { user = "user" .. i }
      end
      for _ = 1, 100 do
        for _, client in ipairs(clients) do
          client:send(kind, "hits")
        end
      end
      for _, client in ipairs(clients) do
        client:request("get", "hits") -- comes after all of its own
      end
      assert.equal(500, alice:request("get", "hits"))
    end)
  end

  it("counts nothing but numbers", function()
    for _, value in ipairs { "'5'", "{}", "true", "json.null" } do
      local result = run("store.set('v', " .. value .. ") store.incr 'v'")
      assert.matches("the value of 'v' is not a number", result.error, 1, true)
      assert.is_true(run("return same(store.get 'v', " .. value .. ") "
        .. "or type(store.get 'v') == 'table'"))
    end
  end)

  it("does not wrap around", function()
    local result = run "store.set('n', math.maxinteger) store.incr 'n'"
    assert.matches("the number of 'n' would be out of range", result.error,
      1, true)
    assert.is_true(run "return store.get 'n' == math.maxinteger")
  end)

  it("updates a value by a function of what there is", function()
    assert.same({ 1, 2, 2 }, run [[
      local function more(n) return (n or 0) + 1 end
      return { store.update("n", more), store.update("n", more),
        (store.get "n") }
    ]])
    assert.same({ { "a", "b" }, { "a", "b" } }, run [[
      store.set("list", json.array { "a" })
      local list = store.update("list", function(list)
        list[2] = "b"
        return list
      end)
      return { list, store.get "list" }
    ]])
    assert.is_true(run [[
      store.set("gone", 5)
      return store.update("gone", function() return nil end) == nil
        and store.get "gone" == nil
    ]])
    assert.is_true(run [[
      return store.update("never", function(v) return v end) == nil
        and store.get "never" == nil
    ]])
  end)

  it("changes nothing when the function refuses or raises", function()
    assert.same({ "full", "No seat", { left = 0 }, 7 }, run [[
      store.set("seats", 7)
      local _, code, text, data = store.update("seats", function(n)
        if n == 7 then return nil, "full", "No seat", { left = 0 } end
      end)
      return { code, text, data, store.get "seats" }
    ]])
    for body, problem in pairs {
      ["error 'stop'"] = "stop",
      [""] = "returned nothing; return the new value, or nil to delete",
      ["return print"] = "value: a function is not plain data",
      ["require('perigee').sleep(0)"] = "perigee.sleep cannot wait below a C "
        .. "function (table.sort, string.gsub, store.update",
      ["store.incr 'seats' return 1"] = is_shared
        and "perigee.store.incr cannot wait below a C function"
        or "'seats' has changed 10000 times",
    } do
      local result = run(("store.set('seats', 7) "
        .. "store.update('seats', function() %s end)"):format(body))
      assert.matches(problem, result.error, 1, true)
      assert.equal(body:find "incr" and not is_shared and 10007 or 7,
        alice:request("get", "seats"))
    end
  end)

  it("keeps the time of what is updated, unless it is given one", function()
    run [[
      local function same(v) return v or 1 end
      store.set("kept", 1, 0.5) store.update("kept", same)
      store.set("longer", 1, 0.5) store.update("longer", same, 1000)
      store.update("new", same, 0.5)
      store.update("stays", same)
    ]]
    t.wait_until(function()
      local keys = run "return store.keys()"
      return #keys == 2 and keys[1] == "longer" and keys[2] == "stays"
    end)
  end)

  it("forgets a value when its time is over", function()
    run [[
      store.set("a", 1, 0.05)
      store.add("b", 1, 0.05)
      store.incr("c", 1, 0.05)
      store.set("d", 1, 1000)
      store.set("e", 1)
    ]]
    t.wait_until(function()
      local keys = run "return store.keys()"
      return #keys == 2 and keys[1] == "d" and keys[2] == "e"
    end)
    for _, key in ipairs { "a", "b", "c" } do
      assert.equal(t.null, alice:request("get", key))
    end
    assert.is_true(run "return store.add('a', 1)")
  end)

  it("keeps what was set again without a time", function()
    run [[
      store.set("again", 1, 0.05)
      store.set("again", 2)
      store.set("clock", 1, 0.05)
    ]]
    t.wait_until(function() return alice:request("get", "clock") == t.null end)
    assert.equal(2, alice:request("get", "again"))
  end)

  it("keeps the time of what is counted", function()
    run "store.incr('n', 1, 0.05)"
    t.wait_until(function()
      return run "return store.incr('n', 1, 1000)" == 1
    end)
  end)

  it("lists keys in order, all or those with a prefix", function()
    run [[
      for _, key in ipairs { "b:1", "a:2", "c", "a:10", "a", "a:1" } do
        store.set(key, true)
      end
    ]]
    assert.same({ "a", "a:1", "a:10", "a:2", "b:1", "c" },
      run "return store.keys()")
    assert.same({ "a:1", "a:10", "a:2" }, run "return store.keys 'a:'")
    assert.is_true(run "return same(store.keys 'x', json.array {})")
    assert.is_true(run [[
      store.set("\0\255", 1)
      return store.keys("\0")[1] == "\0\255"
    ]])
  end)

  it("lists at most 10000 keys, and says that there are more", function()
    assert.same({ 10000, true }, run [[
      for i = 0, 10000 do store.set(("k%05d"):format(i), i) end
      local keys, more = store.keys "k"
      return { #keys, more and keys[1] ~= keys[2] }
    ]])
    assert.same({ 10000, true }, run [[
      store.delete "k00000"
      local keys, more = store.keys "k"
      return { #keys, more == nil }
    ]])
  end)

  -- What is no data, and what the error must tell.
  for value, place in pairs {
    ["print"] = "value: a function is not plain data",
    ["{ a = { 1, 2, print } }"] = "value.a[3]: a function is not plain data",
    ["{ [print] = 1 }"] = "value[a function]: a function is not plain data",
    ["io.stdout"] = "value: a userdata is not plain data",
    ["{ coroutine.create(print) }"] = "value[1]: a thread is not plain data",
    ["(function() local v = {} v.me = v return v end)()"] =
      "value.me.me",
    ["(function() local v = 1 for i = 1, 65 do v = { v } end return v end)()"] =
      "too deep",
    ["('x'):rep(512 * 1024)"] = "value: more than 524288 bytes",
    ["(function() local v = {} for i = 1, 60 do v = { v, v } end "
      .. "return v end)()"] = "value: more than 524288 bytes",
  } do
    it("refuses " .. value:sub(1, 60), function()
      run "store.set('v', 'as it was')"
      for _, call in ipairs { "store.set('v', v)", "store.add('w', v)" } do
        local result = run("local v = " .. value .. "\n" .. call)
        assert.matches(place, result.error, 1, true)
        assert.matches("run:2:", result.error, 1, true)
      end
      assert.same({ "v" }, run "return store.keys()")
      assert.equal("as it was", alice:request("get", "v"))
    end)
  end

  for call, text in pairs {
    ["store.get()"] = "#1 to 'get'",
    ["store.get(5)"] = "#1 to 'get'",
    ["store.get {}"] = "#1 to 'get'",
    ["store.get ''"] = "a key has 1 to 256 bytes",
    ["store.delete(('k'):rep(257))"] = "a key has 1 to 256 bytes",
    ["store.set('a')"] = "#2 to 'set'",
    ["store.set('a', 1, 'soon')"] = "#3 to 'set'",
    ["store.set('a', 1, 0)"] = "a ttl is more than 0",
    ["store.set('a', 1, -1)"] = "a ttl is more than 0",
    ["store.set('a', 1, 0/0)"] = "a ttl is more than 0",
    ["store.set('a', 1, math.huge)"] = "a ttl is more than 0",
    ["store.add('a')"] = "#2 to 'add'",
    ["store.add('a', nil)"] = "#2 to 'add'",
    ["store.add('a', 1, 0)"] = "#3 to 'add'",
    ["store.incr('a', '1')"] = "#2 to 'incr'",
    ["store.incr('a', 1, {})"] = "#3 to 'incr'",
    ["store.keys {}"] = "#1 to 'keys'",
    ["store.update 'a'"] = "#2 to 'update'",
    ["store.update('', print)"] = "a key has 1 to 256 bytes",
    ["store.update('a', print, 0)"] = "#3 to 'update'",
  } do
    it("raises for " .. call, function()
      assert.matches(text, run(call).error, 1, true)
      assert.same({}, run "return store.keys()")
    end)
  end

  it("takes keys of 1 and of 256 bytes", function()
    assert.is_true(run [[
      local long = ("k"):rep(256)
      store.set("k", 1)
      store.set(long, 2)
      return store.get "k" == 1 and store.get(long) == 2
    ]])
  end)
end

describe("The store", function()
  examples(store.start, false)
end)

describe("The store that machines share", function()
  local redis
  lazy_setup(function() redis = redis_server() end)
  lazy_teardown(function() redis:stop() end)
  examples(function() return store.on(redis)() end, true)
end)
