-- SPDX-License-Identifier: MIT
-- What a user says of himself, and what scripts learn of who is there.
local roster = require "spec.support.roster"
local t = require "perigee.testing"

describe("A user in a room with presence", function()
  local server

  lazy_setup(function()
    server = t.server {
      options = { ["limits.per_ip"] = 0, ["presence.every_ms"] = 20 },
      scripts = {
        ["rooms.lua"] = [[
          local perigee = require "perigee"
          return {
            ["@rooms"] = {
              ["p:*"] = { presence = true },
              ["c:*"] = { presence = "count" },
            },
            ["@connect"] = function(client)
              if client.claims.color then
                client:set_info { color = client.claims.color }
              end
            end,
            info = function(client, data)
              local ok, code = client:set_info(data)
              return { ok = ok, code = code }
            end,
            clear = function(client) return client:set_info() end,
            of = function(_, data)
              for _, client in ipairs(perigee.clients_of(data.user)) do
                client:set_info(data.info)
              end
            end,
            after_close = function(client)
              client:close(4004)
              local ok, why = client:set_info { late = true }
              perigee.send_to_user("alice",
                { type = "late", data = { ok = ok, why = why } })
            end,
            try = function(client, code)
              local value = load("return " .. code)()
              local ok, text = pcall(client.set_info, client, value)
              return not ok and text or "fine"
            end,
            who = function(_, room)
              local list, code = perigee.presence(room)
              return { list = list, code = code }
            end,
          }
        ]],
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  local function enter(user, room, claims)
    local client = claims
      and server:connect { claims = { sub = user, color = claims } }
      or server:connect { user = user }
    return roster.join(client, room)
  end

  -- Takes messages until this is what `watcher` knows of the user.
  local function wait_info(watcher, user, info)
    t.wait_until(function()
      local entry = watcher.users[user]
      if entry and pcall(assert.same, { info }, { entry.info }) then
        return true
      end
      watcher:take()
    end)
  end

  it("shows what scripts say of him, from the first moment on", function()
    local alice = enter("alice", "p:1")
    local bob = enter("bob", "p:1", "red")
    assert.same({ color = "red" }, bob.users.bob.info)
    alice:wait { alice = 1, bob = 1 }
    assert.same({ color = "red" }, alice.users.bob.info)
    local info = { color = "blue", tags = { "a", "b" }, at = 5, none = t.null }
    assert.same({ ok = true }, bob.client:request("info", info))
    wait_info(alice, "bob", info)
    assert.same({ info }, { enter("carol", "p:1").users.bob.info })
    bob.client:request "clear"
    wait_info(alice, "bob", nil)
  end)

  it("shows in each of his rooms what one of his devices there said last",
    function()
      local alice, other = enter("alice", "p:2"), enter("alice", "p:3")
      local phone, laptop = enter("bob", "p:2"), enter("bob", "p:2")
      laptop.client:join "p:3"
      phone.client:request("info", { at = "phone" })
      wait_info(alice, "bob", { at = "phone" })
      laptop.client:request("info", { at = "laptop" })
      wait_info(alice, "bob", { at = "laptop" })
      wait_info(other, "bob", { at = "laptop" })
      laptop.client:close()
      wait_info(alice, "bob", { at = "phone" })
      other:wait { alice = 1 }
    end)

  it("is told of by scripts of any worker", function()
    local alice = enter("alice", "p:4")
    for i = 1, 8 do enter("u" .. i, "p:4") end
    for i = 1, 8 do
      alice.client:request("of", { user = "u" .. i, info = { n = i } })
    end
    for i = 1, 8 do wait_info(alice, "u" .. i, { n = i }) end
    alice.client:request("of", { user = "u1" })
    wait_info(alice, "u1", nil)
  end)

  it("has at most 1 KiB of plain data to show", function()
    local alice = enter("alice", "p:5")
    local fits = { text = ("x"):rep(1024 - #'{"text":""}') }
    assert.same({ ok = true }, alice.client:request("info", fits))
    wait_info(alice, "alice", fits)
    fits.text = fits.text .. "x"
    assert.same({ code = "TOO_LARGE" }, alice.client:request("info", fits))
    assert.matches("table expected, got string",
      alice.client:request("try", "'text'"))
    assert.matches("a function cannot be sent as JSON",
      alice.client:request("try", "{ f = print }"))
    assert.matches("UTF%-8", alice.client:request("try", "{ '\\xff' }"))
    assert.same({ { text = fits.text:sub(2) } },
      { alice.client:request("who", "p:5").list[1].info })
  end)

  it("says nothing any more when his connection is closed", function()
    local alice = server:connect { user = "alice" }
    local bob = server:connect { user = "bob" }
    bob:send "after_close"
    assert.same({ why = "closed" }, alice:expect("late").data)
  end)

  it("is listed for scripts with his devices, and since when", function()
    local alice = enter("alice", "p:6", "red")
    enter("alice", "p:6")
    enter("bob", "p:6")
    local list = alice.client:request("who", "p:6").list
    assert.equal(2, #list)
    assert.equal("alice", list[1].user)
    assert.equal(2, list[1].devices)
    assert.same({ color = "red" }, list[1].info)
    assert.is_true(math.abs(list[1].since - os.time()) < 60)
    assert.same({ user = "bob", devices = 1, since = list[2].since }, list[2])
    assert.same({ list = t.array {} }, alice.client:request("who", "p:empty"))
  end)

  it("is listed for scripts in a room that shows a number, too", function()
    local alice = server:connect { user = "alice" }
    alice:join "c:1"
    assert.equal("alice", alice:request("who", "c:1").list[1].user)
  end)

  it("is not listed where no rule wants it", function()
    local alice = server:connect { user = "alice" }
    alice:join "plain"
    assert.same({ code = "NOT_FOUND" }, alice:request("who", "plain"))
  end)
end)
