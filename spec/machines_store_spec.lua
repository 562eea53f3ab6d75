-- SPDX-License-Identifier: MIT
-- Several machines: the store that they share, and a Redis that is not well.

local admin = require "spec.support.admin"
local cli = require "spec.support.cli"
local redis_server = require "spec.support.redis"
local store = require "spec.support.store"
local t = require "perigee.testing"

local function run(client, source)
  local result, code, text = client:try("run", source)
  assert(code == nil, text)
  return result
end

local AWAY = {
  ["Redis is not there"] = true,
  ["the connection to Redis broke: it may have been done, or not"] = true,
}

-- What a call returns whose failure is no error.
local function results(client, call)
  return run(client, ("local r, code, text = %s return { r == nil, code, text }"):format(call))
end

describe("A store that machines share", function()
  local redis, a, b, c

  setup(function()
    redis = redis_server()
    local start = store.on(redis)
    a, b, c = start(), start(), start()
  end)

  teardown(function()
    for _, server in ipairs { a, b, c } do server:stop() end
    redis:stop()
  end)

  before_each(function()
    run(a:connect { user = "zoe" },
      "for _, key in ipairs(store.keys()) do store.delete(key) end")
  end)

  it("is one for all of them, and survives each", function()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    run(ann, "store.set('color', { 'red', n = json.array {} }) store.incr('n', 2)")
    assert.is_true(run(bob, "return same(store.get 'color', { 'red', n = json.array {} })"))
    assert.equal(3, run(bob, "return store.incr 'n'"))
    assert.same({ "color", "n" }, run(ann, "return store.keys()"))
    assert.is_false(run(bob, "return store.add('color', 1)"))
    assert.is_true(run(bob, "return store.delete 'color'"))
    assert.same({ "n" }, run(ann, "return store.keys()"))
  end)

  it("loses nothing of what three machines count and append at once", function()
    local clients, sent = {}, 0
    for i, server in ipairs { a, b, c } do
      for k = 1, 3 do
        clients[#clients + 1] = server:connect { user = ("user%d-%d"):format(i, k) }
      end
    end
    for round = 1, 20 do
      for i, client in ipairs(clients) do
        client:send("incr", "hits")
        client:send("run", ([[
          store.update("list", function(list)
            list = list or json.array {}
            list[#list + 1] = "%d:%d"
            return list
          end)
        ]]):format(i, round))
        sent = sent + 1
      end
    end
    for _, client in ipairs(clients) do
      client:request("get", "hits") -- comes after all of its own
    end
    assert.equal(sent, clients[1]:request("get", "hits"))
    local seen, last = {}, {}
    for _, entry in ipairs(clients[1]:request("get", "list")) do
      local i, round = entry:match "(%d+):(%d+)"
      assert.is_nil(seen[entry])
      assert.equal((last[i] or 0) + 1, tonumber(round))
      seen[entry], last[i] = true, tonumber(round)
    end
    for i = 1, #clients do assert.equal(20, last[tostring(i)]) end
  end)

  it("calls the function of an update again when another machine was faster", function()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    run(ann, "store.set('n', 1)")
    -- The functions compute for a while, so that they meet.
    local slow = [[
      local calls = 0
      for _ = 1, 20 do
        store.update("n", function(n)
          calls = calls + 1
          for _ = 1, 200000 do n = n + 0 end
          return n + 1
        end)
      end
      return calls
    ]]
    t.wait_until(function()
      ann:send("run", slow)
      return run(bob, slow) > 20
    end)
    assert.equal(1, run(ann, "return store.get 'n'") % 20)
    t.wait_until(function()
      return admin.metric(a, "perigee_cluster_store_raced_total") > 0
        and admin.metric(b, "perigee_cluster_store_calls_total") > 20
    end)
  end)

  it("is spread over what there are of Redis, and begins with the prefix", function()
    local one, other = redis_server.start(), redis_server.start()
    finally(function() one:stop() other:stop() end)
    local server = store.on(redis) {
      ["redis.url"] = false, ["redis.shards"] = one.url .. "," .. other.url,
      ["redis.prefix"] = "shop",
    }
    finally(function() server:stop() one:stop() other:stop() end)
    local up = ("redis=" .. other.url:gsub("//", "") .. " up"):gsub("%p", "%%%0")
    server:wait_log(up)
    local ann = server:connect { user = "ann" }
    run(ann, "for i = 1, 50 do store.set('[k]*' .. i, i) end store.set('k', 1)")
    assert.equal(50, run(ann, "return #store.keys '[k]*'"))
    for _, each in ipairs { one, other } do
      local _, count = each:command("--raw KEYS 'shop:{*}:s:*'"):gsub(":s:[^\n]+\n", "")
      assert.is_true(count > 10 and count < 41)
    end
  end)

  it("does not believe what others have written there", function()
    local ann = a:connect { user = "ann" }
    run(ann, "store.set('v', 1)")
    local key = redis:command("--raw KEYS 'pg:{*}:s:v'"):match "%S+"
    for text, value in pairs {
      ["7"] = 7,
      ["-9223372036854775808"] = math.mininteger,
    } do
      redis:command(("SET %s %s"):format(key, text))
      assert.equal(value, run(ann, "return store.get 'v'"))
    end
    for _, text in ipairs { "", "text", " 7", "+7", "007", "-0", "7\\x00",
      "9223372036854775808", "f1234567", "p",
      "p\\x09", "p\\x06\\x7fabc", "p\\x02\\x02",
      "p\\x07\\xff\\xff\\xff\\x7f\\x00\\x00\\x00\\x00" } do
      redis:command(("--quoted-input SET '\"%s\"' '\"%s\"'"):format(key, text))
      for _, call in ipairs { "store.get 'v'", "store.update('v', print)" } do
        assert.matches("store: the value of 'v' was not written by this version",
          run(ann, "return " .. call).error or "none", 1, true)
      end
    end
    redis:command("DEL " .. key)
    redis:command(("RPUSH %s 7"):format(key))
    for _, call in ipairs { "store.get 'v'", "store.incr 'v'", "store.update('v', print)" } do
      local found = results(ann, call)
      assert.same({ true, "UNAVAILABLE" }, { found[1], found[2] })
      assert.matches("Redis: WRONGTYPE Operation against a key", found[3], 1, true)
    end
    run(ann, "store.set('v', 1)")
    assert.equal(1, run(ann, "return store.get 'v'"))
  end)

  it("goes on when Redis has forgotten the scripts", function()
    local ann = a:connect { user = "ann" }
    for i = 1, 3 do
      redis:command "SCRIPT FLUSH"
      assert.equal(i, run(ann, "return store.incr 'n'"))
      redis:command "SCRIPT FLUSH"
      assert.equal(i, run(ann, "return store.update('u', function(n) return (n or 0) + 1 end)"))
    end
  end)

  it("says that Redis is full, and changes nothing then", function()
    local ann = a:connect { user = "ann" }
    run(ann, "store.set('n', 5) store.set('m', 5.5)")
    redis:command "CONFIG SET maxmemory 1"
    finally(function() redis:command "CONFIG SET maxmemory 0" end)
    for _, call in ipairs { "store.set('n', 6)", "store.add('new', 1)", "store.incr 'n'",
      "store.incr 'm'", "store.incr 'new'", "store.update('n', function() return 6 end)" } do
      assert.same({ true, "UNAVAILABLE", "Redis is full: raise maxmemory" }, results(ann, call))
    end
    assert.same({ 5, 5.5 }, run(ann, "return { store.get 'n', (store.get 'm') }"))
    assert.same({ "m", "n" }, run(ann, "return store.keys()"))
    assert.is_true(run(ann, "return store.delete 'm'"))
  end)

  it("says where it cannot wait", function()
    local ann = a:connect { user = "ann" }
    assert.matches("perigee.store.get cannot wait below a C function",
      run(ann, "table.sort({ 1, 2 }, function() store.get 'x' end)").error, 1, true)
    assert.matches("perigee.store.set cannot wait in a coroutine of the script's own",
      run(ann, "assert(coroutine.resume(coroutine.create(function() store.set('x', 1) end)))")
        .error, 1, true)
    assert.equal(t.null, run(ann, "return store.get 'x'"))
  end)
end)

describe("Without its Redis, a store that machines share", function()
  for name, calls in pairs { ["is killed"] = "KILL", ["stands still"] = "STOP" } do
    it("says UNAVAILABLE when it " .. name .. ", and goes on afterwards", function()
      local redis = redis_server { appendonly = "yes", appendfsync = "always" }
      local server = store.on(redis) { ["redis.probe_s"] = 0.2, ["redis.timeout_s"] = 0.5 }
      finally(function() server:stop() redis:stop() end)
      local ann = server:connect { user = "ann" }
      run(ann, "store.set('n', 1)")
      if calls == "KILL" then redis:kill() else redis:signal "STOP" end
      for _, call in ipairs { "store.get 'n'", "store.set('n', 2)", "store.add('m', 2)",
        "store.incr 'm'", "store.delete 'm'", "store.keys()",
        "store.update('m', function() return 2 end)" } do
        local found = results(ann, call)
        assert.same({ true, "UNAVAILABLE" }, { found[1], found[2] })
        assert.is_true(AWAY[found[3]], found[3])
      end
      if calls == "KILL" then redis:start() else redis:signal "CONT" end
      t.wait_until(function() return run(ann, "return store.get 'n'") == 1 end)
    end)
  end
end)

describe("store.shared", function()
  after_each(cli.cleanup)
  local env = { PERIGEE_AUTH_SECRET = ("s"):rep(32) }

  it("needs a Redis", function()
    local dir = cli.folder { ["main.lua"] = "return {}" }
    local status, out, err = cli.run({ "check", dir, "--store.shared=true" }, { env = env })
    assert.equal(1, status, out)
    assert.matches("store.shared: machines share it in Redis: it needs engine = \"redis\"",
      err, 1, true)
  end)

  it("is not there yet while scripts are loaded", function()
    local dir = cli.folder { ["main.lua"] = [[
      require("perigee").store.incr "loads"
      return {}
    ]] }
    local status, out, err = cli.run({ "check", dir, "--store.shared=true", "--engine=redis" },
      { env = env })
    assert.equal(1, status, out)
    assert.matches("main.lua:1: perigee.store.incr: not while scripts are being loaded", err, 1,
      true)
  end)
end)
