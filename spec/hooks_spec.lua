-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"

-- A script that tells the user "watcher" about every hook, in order.
local tell = [[
  local perigee = require "perigee"
  local json = perigee.json
  local function tell(hook, client, ...)
    perigee.send_to_user("watcher", { type = "hook", data = { hook = hook,
      user = client.user_id, args = perigee.json.array { ... } } })
  end
]]

describe("The hook", function()
  local server, watcher

  lazy_setup(function()
    server = t.server {
      scripts = {
        ["10_first.lua"] = tell .. [[
          return {
            ["@auth"] = function(client, claims)
              if claims.banned then
                return nil, "chat.banned", "Not you", { until_ = 1800000000 }
              end
              tell("auth", client, claims.sub)
            end,
            ["@connect"] = function(client)
              if client.user_id ~= "watcher" then
                client:send { type = "welcome" }
                client:join "lobby"
              end
              tell("connect", client)
            end,
            ["@disconnect"] = function(client, reason)
              tell("disconnect", client, reason)
            end,
            ["@join"] = function(client, room, data)
              tell("join", client, room, data)
              if room == "vip" then
                return nil, "chat.closed", "Members only", { price = 5 }
              elseif room == "topic" then
                return { topic = "Lua" }
              end
            end,
            ["@leave"] = function(client, room, reason)
              tell("leave", client, room, reason)
            end,
            ["@message"] = function(client, kind, data)
              if kind == "echo" and data == "stop" then
                return nil, "chat.stopped", "No", json.array { "stop" }
              end
            end,
            kick = function(_, user) return perigee.kick(user, "enough") end,
            leave_it = function(client) return client:leave "topic" end,
            join_vip = function(client)
              local ok, code, text, data = client:join "vip"
              return { ok = ok, code = code, text = text, data = data }
            end,
            bye = function(client) client:close(4004, "bye") end,
          }
        ]],
        ["20_second.lua"] = tell .. [[
          return {
            ["@connect"] = function(client) tell("connect 2", client) end,
            ["@join"] = function(client, room) tell("join 2", client, room) end,
            ["@message"] = function(_, kind, data)
              if data == "stop" or data == "second" then
                return nil, "chat.second", nil, json.null
              end
            end,
            echo = function(_, data) return data end,
          }
        ]],
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function()
    watcher = server:connect { user = "watcher" }
  end)

  -- The next hooks of this user, told as { { name, arguments … }, … }.
  local function told(user, count)
    local list = {}
    while #list < count do
      local data = watcher:expect("hook").data
      if data.user == user then
        list[#list + 1] = { data.hook, table.unpack(data.args) }
      end
    end
    return list
  end

  it("@auth can let a client in or refuse it", function()
    server:connect { user = "alice-1" }
    assert.same({ "auth", "alice-1" }, told("alice-1", 1)[1])
    local mallory = server:connect { auth = false }
    local _, code, text, all = mallory:auth(
      server:token { sub = "mallory", banned = true })
    assert.same({ until_ = 1800000000 }, all.data)
    assert.equal("chat.banned", code)
    assert.equal("Not you", text)
    mallory:expect_close(4501)
    watcher:send "ping"
    watcher:expect "pong"
    for _, message in ipairs(watcher.inbox) do
      assert.not_equal("mallory", message.data.user)
    end
  end)

  it("@connect runs once, after auth_ok, in every script", function()
    local alice = server:connect { user = "alice-2" }
    alice:expect "welcome"
    alice:expect "joined"
    assert.same({
      { "auth", "alice-2" }, { "join", "lobby" }, { "join 2", "lobby" },
      { "connect" }, { "connect 2" },
    }, told("alice-2", 5))
    alice:auth(server:token { sub = "alice-2" })
    alice:expect_nothing()
  end)

  it("@join can refuse, and then nobody has joined", function()
    local alice = server:connect { user = "alice-3" }
    told("alice-3", 5)
    local code, text, all = alice:fails("join", { room = "vip" })
    assert.equal("chat.closed", code)
    assert.equal("Members only", text)
    assert.same({ price = 5 }, all.data)
    -- The second script was not asked, and there is no @leave later.
    assert.same({ "join", "vip", { room = "vip" } }, told("alice-3", 1)[1])
    assert.same({ code = "chat.closed", text = "Members only",
      data = { price = 5 } }, alice:request "join_vip")
    alice:close()
    local hooks = told("alice-3", 3)
    assert.same({ "join", "vip" }, hooks[1])
    local names = { hooks[2][1], hooks[3][1], hooks[2][2], hooks[3][2] }
    for _, name in ipairs(names) do
      assert.not_equal("vip", name)
    end
  end)

  it("@join can answer with data", function()
    local alice = server:connect { user = "alice-4" }
    assert.same({ topic = "Lua" }, alice:request("join", { room = "topic" }))
  end)

  it("@leave tells why", function()
    local alice = server:connect { user = "alice-5" }
    alice:request("join", { room = "topic" })
    told("alice-5", 7)
    alice:request("leave", { room = "topic" })
    assert.same({ "leave", "topic", "left" }, told("alice-5", 1)[1])
    alice:request("join", { room = "topic" })
    alice:request "leave_it"
    assert.same({ "leave", "topic", "left" }, told("alice-5", 3)[3])
    alice:request("leave", { room = "topic" }) -- is not a member: no hook
    alice:drop()
    local hooks = told("alice-5", 2)
    table.sort(hooks, function(a, b) return a[1] > b[1] end)
    assert.same({ "leave", "lobby", "disconnected" }, hooks[1])
    assert.equal("disconnect", hooks[2][1])

    local bob = server:connect { user = "bob-5" }
    told("bob-5", 5)
    watcher:request("kick", "bob-5")
    bob:expect_close(4502)
    hooks = told("bob-5", 2)
    table.sort(hooks, function(a, b) return a[1] > b[1] end)
    assert.same({ "leave", "lobby", "kicked" }, hooks[1])
  end)

  for what, finish in pairs {
    ["closes"] = function(client) client:close() end,
    ["hangs up"] = function(client) client:drop() end,
    ["is kicked"] = function() watcher:request("kick", "alice-6") end,
    ["is closed by a script"] = function(client) client:send "bye" end,
    ["refreshes with a bad token"] = function(client) client:auth "x.y.z" end,
    ["sends a binary message"] = function(client)
      client.ws:send("x", "binary")
    end,
    ["breaks the protocol"] = function(client)
      client.ws.socket:xwrite("\255\255\255\255\255\255\255\255", "bn")
    end,
  } do
    it("@disconnect runs once when a client " .. what, function()
      local alice = server:connect { user = "alice-6" }
      told("alice-6", 5)
      finish(alice)
      local count = 0
      for _, hook in ipairs(told("alice-6", 2)) do
        if hook[1] == "disconnect" then
          count = count + 1
          assert.is_string(hook[2])
        end
      end
      assert.equal(1, count)
      watcher:send "ping"
      watcher:expect "pong"
      for _, message in ipairs(watcher.inbox) do
        assert.not_equal("alice-6", message.data.user)
      end
    end)
  end

  it("@message can refuse; the first refusal wins", function()
    local alice = server:connect { user = "alice-7" }
    assert.equal("go", alice:request("echo", "go"))
    local code, _, all = alice:fails("echo", "stop")
    assert.equal("chat.stopped", code)
    assert.same({ "stop" }, all.data)
    code, _, all = alice:fails("echo", "second")
    assert.equal("chat.second", code)
    assert.equal(t.null, all.data)
    assert.is_string((alice:fails("unknown", "second")))
  end)
end)
