-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"

local scripts = {
  ["main.lua"] = [[
    local perigee = require "perigee"
    return {
      count = function(_, user) return #perigee.clients_of(user) end,
      ["@auth"] = function(client, claims)
        if claims.banned then
          return nil, "app.banned", "You are banned"
        end
      end,
      ["@disconnect"] = function(client, reason)
        perigee.send_to_user("watcher", { type = "gone", data = reason })
      end,
    }
  ]],
}

describe("With one session for each user", function()
  local server

  lazy_setup(function()
    server = t.server {
      scripts = scripts,
      options = { ["auth.sessions"] = "single", ["limits.per_user"] = 1 },
    }
  end)

  lazy_teardown(function() server:stop() end)

  it("a new connection takes the place of the older one", function()
    local watcher = server:connect { user = "watcher" }
    local bob = server:connect { user = "bob" }
    local phone = server:connect { user = "alice" }
    local laptop = server:connect { user = "alice" }
    assert.equal("replaced", phone:expect_close(4503))
    assert.equal("replaced", watcher:expect("gone").data)
    assert.equal(1, laptop:request("count", "alice"))
    local tablet = server:connect { user = "alice" }
    laptop:expect_close(4503)
    tablet:expect_nothing()
    bob:expect_nothing()
  end)

  it("who is refused replaces nobody", function()
    local phone = server:connect { user = "alice" }
    local stranger = server:connect { auth = false }
    stranger:auth "no token"
    stranger:expect_close(4501)
    local banned = server:connect { auth = false }
    banned:auth(server:token { sub = "alice", banned = true })
    banned:expect_close(4501)
    phone:expect_nothing()
  end)

  it("a refresh is no new session", function()
    local phone = server:connect { user = "alice" }
    assert.is_table(phone:auth(server:token { sub = "alice" }))
    phone:expect_nothing()
  end)
end)

describe("With several sessions for each user", function()
  it("all of them stay", function()
    local server = t.server { scripts = scripts }
    local phone = server:connect { user = "alice" }
    local laptop = server:connect { user = "alice" }
    assert.equal(2, laptop:request("count", "alice"))
    phone:expect_nothing()
  end)
end)
