-- SPDX-License-Identifier: MIT
-- Several workers: the library means the whole process.

local t = require "perigee.testing"

local script = [[
local perigee = require "perigee"
return {
  where = function() return perigee.worker end,
  generation = function() return perigee.generation end,
  users = function(_, data) return perigee.send_to_user(data.user,
    { type = "note", data = data.text }) end,
  room = function(client, data) return perigee.send_to_room(data.room,
    { type = "said", data = data.text }, { except = client }) end,
  all = function(_, text) return perigee.broadcast { type = "all", data = text }
  end,
  others = function(client)
    return perigee.broadcast({ type = "anyone" }, { except = client })
  end,
  online = function(_, user) return perigee.is_online(user) end,
  members = function(_, room) return perigee.members(room) end,
  rooms = function() return perigee.rooms() end,
  kick = function(_, user) return perigee.kick(user, "out") end,
  clients = function(_, user)
    local list = {}
    for i, client in ipairs(perigee.clients_of(user)) do
      list[i] = { client.user_id, client.ip, client:is_open(),
        client.claims.sub, math.type(client.id), math.type(client.connected_at) }
    end
    return perigee.json.array(list)
  end,
  each = function(_, data)
    local results = {}
    for i, client in ipairs(perigee.clients_of(data.user)) do
      results[i] = client[data.method](client, data.argument, data.more)
    end
    return perigee.json.array(results)
  end,
  state = function(_, user)
    local here, elsewhere = 0, 0
    for _, client in ipairs(perigee.clients_of(user)) do
      local ok, text = pcall(function() return client.state end)
      if ok then here = here + 1
      elseif text:find "is on worker %d, where the client is" then
        elsewhere = elsewhere + 1
      end
    end
    return { here, elsewhere }
  end,
  add = function() return perigee.store.incr "n" end,
  many = function(_, data)
    for i = 1, data.count do
      perigee.send_to_user(data.user, { type = "n", data = i })
    end
  end,
  limited = { handler = function() return true end, rate = "1/h", burst = 2 },
  ["@join"] = function(_, room)
    if room == "closed" then return nil, "room.closed" end
  end,
  ["@start"] = function() perigee.store.incr "starts" end,
  starts = function() return perigee.store.get "starts" end,
}
]]

describe("four workers", function()
  local server, everyone

  local function connect(user)
    local client = server:connect { user = user }
    client.worker = client:request "where"
    return client
  end

  setup(function()
    server = t.server {
      scripts = { ["main.lua"] = script },
      options = { workers = 4, ["limits.per_user"] = 20, ["limits.per_ip"] = 0,
        ["limits.messages_per_s"] = 0 },
    }
  end)
  teardown(function() server:stop() end)

  -- So many that they are on several workers; the kernel spreads them.
  before_each(function()
    everyone = { connect "u0" }
    t.wait_until(function() -- those of the example before have gone
      return everyone[1]:request "others" == 0
        and #everyone[1]:request "rooms" == 0
    end)
    local workers, count = { [everyone[1].worker] = true }, 1
    repeat
      local client = connect("u" .. #everyone % 8)
      table.insert(everyone, client)
      if not workers[client.worker] then
        workers[client.worker], count = true, count + 1
      end
    until #everyone >= 16 and count >= 2
  end)

  it("each run the scripts", function()
    assert.is_true(t.wait_until(function()
      return everyone[1]:request "starts" == 4
    end))
  end)

  it("reach a user wherever it is", function()
    local sender = connect "sender"
    local devices = 0
    for _, client in ipairs(everyone) do
      devices = devices + (client.user == "u3" and 1 or 0)
    end
    assert.equal(devices, sender:request("users", { user = "u3", text = "hi" }))
    for _, client in ipairs(everyone) do
      if client.user == "u3" then
        assert.equal("hi", client:expect("note").data)
      end
    end
    assert.is_true(sender:request("online", "u3"))
    assert.is_false(sender:request("online", "nobody"))
    assert.equal(0, sender:request("users", { user = "nobody", text = "hi" }))
  end)

  it("do not find who has closed, from the moment it is answered", function()
    local asker = connect "asker"
    for i = 1, 100 do
      local guest = server:connect { user = "guest" .. i }
      assert.is_true(asker:request("online", "guest" .. i))
      guest:close()
      assert.is_false(asker:request("online", "guest" .. i))
    end
  end)

  it("reach a room, but the sender", function()
    for _, client in ipairs(everyone) do
      client:request("join", { room = "r" })
    end
    local sender = everyone[1]
    assert.equal(#everyone - 1, sender:request("room",
      { room = "r", text = "hi" }))
    for i = 2, #everyone do
      assert.equal("hi", everyone[i]:expect("said").data)
    end
    assert.same({ "u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7" },
      sender:request("members", "r"))
    assert.same({ "r" }, sender:request "rooms")
    everyone[2]:request("leave", { room = "r" })
    assert.equal(#everyone - 2, sender:request("room",
      { room = "r", text = "again" }))
  end)

  it("reach everyone", function()
    assert.equal(#everyone, everyone[1]:request("all", "hi"))
    for _, client in ipairs(everyone) do
      assert.equal("hi", client:expect("all").data)
    end
  end)

  it("keep the order of one sender's messages", function()
    local receiver = everyone[#everyone]
    everyone[1]:request("many", { user = receiver.user, count = 200 })
    for i = 1, 200 do
      assert.equal(i, receiver:expect("n").data)
    end
  end)

  it("know the clients of a user", function()
    local sender = connect "sender"
    for _, client in ipairs(sender:request("clients", "u1")) do
      assert.same({ "u1", "127.0.0.1", true, "u1", "integer", "integer" },
        client)
    end
    local here, elsewhere = table.unpack(sender:request("state", "u1"))
    assert.equal(#sender:request("clients", "u1"), here + elsewhere)
  end)

  it("can do to a client of another what is done to their own", function()
    local sender = connect "sender"
    local function each(method, argument, more)
      for _, result in ipairs(sender:request("each", { user = "u2",
        method = method, argument = argument, more = more })) do
        assert.is_true(result)
      end
    end
    local devices = {}
    for _, client in ipairs(everyone) do
      devices[#devices + 1] = client.user == "u2" and client or nil
    end
    each("send", { type = "direct", data = 1 })
    each("join", "theirs")
    for _, client in ipairs(devices) do
      assert.equal(1, client:expect("direct").data)
    end
    t.wait_until(function()
      return sender:request("room", { room = "theirs", text = "x" }) == #devices
    end)
    each("leave", "theirs")
    t.wait_until(function()
      return sender:request("room", { room = "theirs", text = "x" }) == 0
    end)
    each("close", 4004, "move")
    for _, client in ipairs(devices) do
      assert.equal("move", client:expect_close(4004))
    end
  end)

  it("kick a user everywhere", function()
    local sender = connect "sender"
    assert.equal(#sender:request("clients", "u4"), sender:request("kick", "u4"))
    for _, client in ipairs(everyone) do
      if client.user == "u4" then
        assert.equal("out", client:expect_close(4502))
      end
    end
  end)

  it("share the store and the rate of a user", function()
    local n = everyone[1]:request "add"
    for i = 2, #everyone do
      n = n + 1
      assert.equal(n, everyone[i]:request "add")
    end
    local passed, limited = 0, 0
    for _ = 1, 6 do
      local ok, code = connect "eager":try "limited"
      passed = passed + (ok and 1 or 0)
      limited = limited + (code == "RATE_LIMITED" and 1 or 0)
    end
    assert.same({ 2, 4 }, { passed, limited })
  end)

  it("count a user's connections together", function()
    local crowd = {}
    for i = 1, 20 do
      crowd[i] = server:connect { user = "crowd" }
    end
    local last = server:connect { user = "crowd", auth = false }
    last:send("auth", { token = server:token { sub = "crowd" } })
    t.wait_until(function() -- all of them live
      for _, client in ipairs(crowd) do
        client:request "where"
      end
      return server:log():find("user=crowd has too many connections", 1, true)
    end)
    last:expect_close(4504)
  end)

  it("reload together or not at all", function()
    local before = everyone[1]:request "generation"
    server:write("main.lua", "return {")
    server:reload_fails()
    server:write("main.lua", script)
    assert.truthy(server:reload():find "is live")
    local after = everyone[1]:request "generation"
    assert.is_true(after > before)
    for _, client in ipairs(everyone) do
      assert.equal(after, client:request "generation")
    end
  end)
end)

describe("auth.sessions = single among four workers", function()
  it("leaves the newest connection of a user", function()
    local server = t.server {
      scripts = { ["main.lua"] = script },
      options = { workers = 4, ["auth.sessions"] = "single" },
    }
    local older = server:connect { user = "solo" }
    for _ = 1, 8 do
      local newer = server:connect { user = "solo" }
      assert.equal("replaced", older:expect_close(4503))
      older = newer
    end
    assert.equal(1, older:request("users", { user = "solo", text = "hi" }))
    server:stop()
  end)
end)

describe("the option workers", function()
  it("wants a number or auto", function()
    local cli = require "spec.support.cli"
    finally(cli.cleanup)
    for _, value in ipairs { "0", "257", "many", "-1", "1.5" } do
      local status, _, problem = cli.run {
        "serve", cli.folder {}, "--workers=" .. value,
        "--auth.secret=" .. ("x"):rep(32),
      }
      assert.equal(2, status)
      assert.truthy(problem:find("workers: `" .. value, 1, true), problem)
    end
  end)
end)
