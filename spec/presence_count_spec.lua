-- SPDX-License-Identifier: MIT
-- Rooms with `presence = "count"`: members know how many users are there.
local t = require "perigee.testing"

describe("A room with presence = \"count\"", function()
  local server

  lazy_setup(function()
    server = t.server {
      options = { ["limits.per_ip"] = 0, ["presence.every_ms"] = 20 },
      scripts = {
        ["rooms.lua"] = [[
          return {
            ["@rooms"] = { ["c:*"] = { presence = "count" } },
            ["@join"] = function(_, room)
              return room == "c:topic" and { topic = "Lua" } or nil
            end,
            info = function(client) return client:set_info { a = 1 } end,
            enter = function(client, room) return client:join(room) end,
          }
        ]],
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  local function enter(user, room)
    local client = server:connect { user = user }
    return client, client:join(room).presence
  end

  -- Takes messages until this is the number.
  local function wait_count(client, room, count)
    t.wait_until(function()
      local message = client:expect "presence"
      assert.equal(room, message.room)
      assert.is_nil(message.data.joined)
      return message.data.count == count
    end)
  end

  it("tells the number to who joins, and when it has changed", function()
    local alice, presence = enter("alice", "c:1")
    assert.same({ count = 1 }, presence)
    local others = {}
    for i = 2, 12 do
      others[i], presence = enter("u" .. i, "c:1")
      assert.same({ count = i }, presence)
    end
    wait_count(alice, "c:1", 12)
    for i = 2, 7 do others[i]:drop() end
    wait_count(alice, "c:1", 6)
    others[8]:leave "c:1"
    wait_count(alice, "c:1", 5)
  end)

  it("counts users, and says nothing of their devices and infos", function()
    local alice = enter("alice", "c:2")
    wait_count(alice, "c:2", 1)
    local phone, presence = enter("alice", "c:2")
    assert.same({ count = 1 }, presence)
    alice:request "info"
    phone:close()
    local _ = enter("bob", "c:2")
    wait_count(alice, "c:2", 2)
    assert.same({}, alice.inbox)
  end)

  it("adds the number to what @join has said", function()
    local alice = server:connect { user = "alice" }
    assert.same({ topic = "Lua", presence = { count = 1 } },
      alice:join "c:topic")
    alice:request("enter", "c:3")
    assert.same({ presence = { count = 1 } }, alice:expect("joined").data)
  end)
end)
