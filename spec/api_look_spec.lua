-- SPDX-License-Identifier: MIT
-- What the HTTP API tells: users, rooms, members, in pages.
local api = require "spec.support.api"
local sessions = require "spec.support.sessions"
local t = require "perigee.testing"

describe("The HTTP API tells", function()
  local server

  before_each(function()
    server = t.server { options = api.options(), scripts = { ["main.lua"] = "return {}" } }
  end)

  after_each(function() server:stop() end)

  local function get(path)
    local status, answer = api.ask(server, "GET", "/api/v1" .. path)
    assert(status == 200, t.encode(answer))
    return answer
  end

  local function refused(path, status, detail)
    local got, problem = api.ask(server, "GET", "/api/v1" .. path)
    assert.equal(status, got)
    assert.matches(detail, problem.detail, 1, true)
  end

  it("who is online, with which devices", function()
    assert.same({ user = "alice", online = false, devices = {} }, get "/users/alice")
    local before = os.time() * 1000 - 1000
    local phone, tablet = server:connect "alice", server:connect "alice"
    server:connect("bob"):request("join", { room = "lobby" })
    phone:request("join", { room = "lobby" })
    phone:request("join", { room = 'a "b"' })
    tablet:request("join", { room = "lobby" })
    local user = get "/users/alice"
    assert.is_true(user.online)
    assert.equal(2, #user.devices)
    table.sort(user.devices, function(a, b) return a.conn < b.conn end)
    for i, client in ipairs { phone, tablet } do
      assert.equal(client.info.conn, user.devices[i].conn)
      assert.equal("127.0.0.1", user.devices[i].ip)
      assert.is_true(user.devices[i].since >= before)
    end
    table.sort(user.devices[1].rooms)
    assert.same({ 'a "b"', "lobby" }, user.devices[1].rooms)
    assert.same({ "lobby" }, user.devices[2].rooms)
    local device = user.devices[1]
    device.user = "alice"
    local conn = get("/conns/" .. device.conn)
    table.sort(conn.rooms)
    assert.same(device, conn)
  end)

  it("which devices are away, and from where they come back", function()
    local other = t.server { options = api.options { ["proxy.trusted"] = "127.0.0.1" },
      scripts = { ["main.lua"] = "return {}" } }
    finally(function() other:stop() end)
    local address = "192.0.2.1"
    local alice = sessions.open(other, "alice", { connect = function()
      return other:connect { auth = false, headers = { ["x-forwarded-for"] = address } }
    end })
    local function device()
      local status, user = api.ask(other, "GET", "/api/v1/users/alice")
      assert.equal(200, status)
      return user.devices[1]
    end
    assert.is_false(device().away)
    assert.equal("192.0.2.1", device().ip)
    alice:cut()
    t.wait_until(function() return device().away end)
    address = "192.0.2.2"
    alice:resume()
    assert.is_false(device().away)
    assert.equal("192.0.2.2", device().ip)
  end)

  it("about names with any characters", function()
    server:connect "ü/ 1"
    assert.is_true(get("/users/%C3%BC%2f%201").online)
    refused("/users/%ff", 400, "`user`")
    refused("/users/%0a", 400, "`user`")
    refused("/users/", 400, "`user`")
    refused("/conns/987654", 404, "no connection with this number")
    refused("/conns/alice", 400, "`conn`")
    refused("/conns/0", 400, "`conn`")
    refused("/users/a/b", 404, "no such call")
  end)

  it("which rooms there are, page by page", function()
    local client = server:connect "alice"
    local names = {}
    for i = 1, 50 do
      names[i] = ("room:%02d"):format((i * 7) % 50)
      client:request("join", { room = names[i] })
    end
    server:connect("bob"):request("join", { room = "room:07" })
    client:request("join", { room = "other" })
    table.sort(names)
    local seen, after, pages = {}, "", 0
    repeat
      local page = get(("/rooms?prefix=room%%3A&limit=9&after=%s"):format(after))
      pages = pages + 1
      for _, room in ipairs(page.rooms) do
        seen[#seen + 1] = room.room
        assert.equal(room.room == "room:07" and 2 or 1, room.users)
        assert.equal(room.users, room.connections)
      end
      after = seen[#seen]
    until not page.more
    assert.same(names, seen)
    assert.equal(6, pages)
    assert.equal(51, #get("/rooms").rooms)
    assert.same({ rooms = {}, more = false }, get "/rooms?prefix=nothing")
  end)

  it("who is in a room", function()
    for _, name in ipairs { "carol", "alice", "bob", "alice" } do
      server:connect(name):request("join", { room = "lobby" })
    end
    assert.same({ room = "lobby", users = 3, connections = 4,
      members = { "alice", "bob", "carol" }, more = false }, get "/rooms/lobby")
    assert.same({ room = "lobby", users = 3, connections = 4,
      members = { "bob" }, more = true }, get "/rooms/lobby?after=alice&limit=1")
    assert.same({ room = "none", users = 0, connections = 0, members = {}, more = false },
      get "/rooms/none")
  end)

  it("what the members of a room are told of each other", function()
    local other = t.server { options = api.options(), scripts = { ["main.lua"] = [[
      return {
        ["@rooms"] = { ["chat:*"] = { presence = true }, ["board"] = { presence = "count" } },
        ["@connect"] = function(client) client:set_info { name = client.user_id:upper() } end,
      }
    ]] } }
    finally(function() other:stop() end)
    local before = os.time() - 1
    for _, name in ipairs { "carol", "alice", "bob", "alice" } do
      local client = other:connect(name)
      client:request("join", { room = "chat:1" })
      client:request("join", { room = "board" })
      client:request("join", { room = "plain" })
    end
    local function room(path)
      local status, answer = api.ask(other, "GET", "/api/v1/rooms/" .. path)
      assert.equal(200, status)
      return answer
    end
    local page = room "chat:1?limit=2"
    assert.same({ "alice", "bob" }, page.members)
    assert.equal(3, page.presence.count)
    for _, user in ipairs(page.presence.users) do
      assert.is_true(user.since >= before)
      user.since = nil
    end
    assert.same({ { user = "alice", devices = 2, info = { name = "ALICE" } },
      { user = "bob", devices = 1, info = { name = "BOB" } } }, page.presence.users)
    assert.equal("carol", room("chat:1?after=bob").presence.users[1].user)
    assert.same({ count = 3 }, room("board").presence)
    assert.is_nil(room("plain").presence)
    assert.is_nil(room("nowhere").presence)
  end)

  it("all of many rooms, devices and connections", function()
    local many = t.server { options = api.options { ["limits.rooms_per_connection"] = 2000,
      ["limits.messages_per_s"] = 0 }, scripts = { ["main.lua"] = [[
      return { enter = function(client, data)
        for i = data.from, data.to do client:join(("r%05d"):format(i)) end
        return true
      end }
    ]] } }
    finally(function() many:stop() end)
    local alice, bob = many:connect "alice", many:connect "bob"
    alice:request("enter", { from = 1, to = 1500 })
    bob:request("enter", { from = 1001, to = 2500 })
    local seen, after = 0, ""
    repeat
      local _, page = api.ask(many, "GET", "/api/v1/rooms?limit=1000&after=" .. after)
      for _, room in ipairs(page.rooms) do
        seen = seen + 1
        assert.equal(("r%05d"):format(seen), room.room)
        after = room.room
      end
    until not page.more
    assert.equal(2500, seen)
    local _, user = api.ask(many, "GET", "/api/v1/users/bob")
    assert.equal(1500, #user.devices[1].rooms)
    local status, closed = api.call(many, "close", { conn = bob.info.conn })
    assert.equal(200, status)
    assert.same({ closed = 1 }, closed)
    bob:expect_close(4502)
    assert.same({ closed = 0 }, select(2, api.call(many, "close", { conn = 999 })))
  end)

  it("what a parameter must be", function()
    refused("/rooms?limit=0", 400, "`limit` is a whole number from 1 to 1000")
    refused("/rooms?limit=1e3", 400, "`limit`")
    refused("/rooms?limit=", 400, "`limit`")
    refused("/rooms?limit=1&limit=2", 400, "`limit` stands twice")
    refused("/rooms?prefx=a", 400, "`prefx`")
    refused("/users/alice?user=bob", 400, "`user`")
    assert.same({}, get("/rooms?after=&prefix=&").rooms)
  end)

  it("only to keys that may read", function()
    for _, path in ipairs { "/users/alice", "/rooms", "/rooms/lobby" } do
      local status = api.ask(server, "GET", "/api/v1" .. path, nil,
        { "Authorization: Bearer " .. api.SENDER })
      assert.equal(403, status)
    end
  end)
end)
