-- SPDX-License-Identifier: MIT
-- Several machines: what scripts ask about others, and do with their clients.

local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

local script = [[
local perigee = require "perigee"
return {
  ["@rooms"] = { ["here:*"] = { presence = true } },
  ask = function(_, data)
    local one, other = perigee[data.what](data.name)
    if one == nil then return other end
    return { one, other }
  end,
  present = function(_, room)
    local users = {}
    for i, entry in ipairs(perigee.presence(room)) do users[i] = entry.user end
    table.sort(users)
    return users
  end,
  clients = function(_, user)
    local list = {}
    for i, client in ipairs(perigee.clients_of(user)) do
      list[i] = { client.user_id, client.ip, client.claims.sub }
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
  look = function(_, data)
    local client = perigee.clients_of(data.user)[1]
    local ok, problem = pcall(client[data.method], client, "r")
    return { ok, tostring(problem) }
  end,
}
]]

describe("scripts on several machines", function()
  local redis, a, b, c

  setup(function()
    redis = redis_server()
    local start = machines_on(redis, { scripts = { ["main.lua"] = script } })
    a, b, c = start(), start(), start()
  end)

  teardown(function()
    a:stop()
    b:stop()
    c:stop()
    redis:stop()
  end)

  local function ask(client, what, name)
    return client:request("ask", { what = what, name = name })
  end

  it("learn who is in a room", function()
    local ann, bob, cid = a:connect { user = "ann" }, b:connect { user = "bob" },
      c:connect { user = "cid" }
    for _, client in ipairs { ann, bob } do client:join "r" end
    assert.same({ { "ann", "bob" } }, ask(cid, "members", "r"))
    assert.same({ { "ann", "bob" } }, ask(ann, "members", "r"))
    assert.same({ 2, 2 }, ask(cid, "count", "r"))
    assert.same({ {} }, ask(cid, "members", "empty"))
  end)

  it("learn who is online", function()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    assert.same({ true }, ask(ann, "is_online", "bob"))
    assert.same({ false }, ask(ann, "is_online", "nobody"))
    local again = a:connect { user = "bob" }
    assert.same({ 2 }, ask(ann, "devices", "bob"))
    assert.same({ { "ann", "bob" } }, ask(bob, "users"))
    bob:join "q"
    assert.same({ { "q" } }, ask(ann, "rooms"))
    again:close()
  end)

  it("learn who is present", function()
    local ann, bob, cid = a:connect { user = "ann" }, b:connect { user = "bob" },
      c:connect { user = "cid" }
    ann:join "here:1"
    bob:join "here:1"
    assert.same({ "ann", "bob" }, cid:request("present", "here:1"))
  end)

  it("have client objects of others", function()
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    assert.same({ { "bob", "127.0.0.1", "bob" } }, ann:request("clients", "bob"))
    ann:request("each", { user = "bob", method = "send",
      argument = { type = "note", data = "x" } })
    assert.equal("x", bob:expect("note").data)
    ann:request("each", { user = "bob", method = "join", argument = "r" })
    assert.equal("r", bob:expect("joined").room)
    ann:request("each", { user = "bob", method = "leave", argument = "r" })
    assert.equal("r", bob:expect("left").room)
    assert.same({ false, true }, { ann:request("look",
      { user = "bob", method = "is_in" })[1], true })
    ann:request("each", { user = "bob", method = "close", argument = 4001,
      more = "over" })
    assert.equal("over", bob:expect_close(4001))
  end)

  -- In a cluster nobody can: a pattern does not fit sharded channels.
  it("do not wait for somebody who only looks on at Redis", function()
    local own = redis_server.start()
    local start = machines_on(own, { scripts = { ["main.lua"] = script } })
    local one, other = start(), start()
    local watcher = io.popen(("echo $$; exec redis-cli -s %s PSUBSCRIBE '*' 2>&1")
      :format(own.socket))
    local pid = watcher:read "n"
    t.wait_until(function() return own:command "PUBSUB NUMPAT":match "1" end)
    local ann, bob = one:connect { user = "ann" }, other:connect { user = "bob" }
    bob:join "watched"
    assert.same({ { "bob" } }, ask(ann, "members", "watched"))
    assert.same({ { "ann", "bob" } }, ask(ann, "users"))
    os.execute("kill " .. pid)
    watcher:close()
    one:stop()
    other:stop()
    own:stop()
  end)

  it("are told when somebody does not answer", function()
    local ann = a:connect { user = "ann" }
    local bob = b:connect { user = "bob" }
    bob:join "slow"
    b:signal "STOP"
    t.wait_until(function() -- each of its threads
      local pipe = io.popen(("cat /proc/%d/task/*/stat"):format(b.pid))
      local states = pipe:read "a"
      pipe:close()
      return not states:find "%) [^T]"
    end)
    local answer = ask(ann, "members", "slow")
    b:signal "CONT"
    assert.equal("UNAVAILABLE", answer)
  end)
end)
