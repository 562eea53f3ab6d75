-- SPDX-License-Identifier: MIT
local cqueues = require "cqueues"
local t = require "perigee.testing"

describe("The heartbeat", function()
  local server

  lazy_setup(function()
    server = t.server {
      scripts = {
        ["main.lua"] = [[
          local perigee = require "perigee"
          return {
            noise = function() end,
            ["@disconnect"] = function(client, reason)
              perigee.log.info(client.user_id .. " has gone: " .. reason)
            end,
          }
        ]],
      },
      options = {
        ["heartbeat.interval_s"] = 0.3,
        ["heartbeat.timeout_s"] = 0.3,
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  -- The next message as it is, with pings not answered.
  local function raw(client)
    return (assert(client:receive()))
  end

  it("tells its times with auth_ok", function()
    local info = server:connect({ user = "alice" }).info
    assert.equal(300, info.ping_ms)
    assert.equal(300, info.pong_ms)
  end)

  it("pings again and again while the client answers", function()
    local alice = server:connect { user = "alice" }
    for _ = 1, 4 do
      assert.equal('{"type":"ping"}', raw(alice))
      alice:send "pong"
    end
    alice:expect_nothing()
  end)

  it("takes any message as a sign of life", function()
    local alice = server:connect { user = "alice" }
    for _ = 1, 4 do
      assert.equal('{"type":"ping"}', raw(alice))
      alice:send "noise"
    end
  end)

  for _, frame in ipairs { "ping", "pong" } do
    for _, payload in ipairs { "", "payload" } do
      local name = payload == "" and "an empty " or "a "
      it("takes " .. name .. frame .. " frame as a sign of life", function()
        local alice = server:connect { user = "alice" }
        for _ = 1, 4 do
          assert.equal('{"type":"ping"}', raw(alice))
          assert(alice.ws["send_" .. frame](alice.ws, payload, 1))
        end
      end)
    end
  end

  it("closes a connection that has fallen silent", function()
    local alice = server:connect { user = "silent" }
    alice.is_mute = true
    assert.equal("ping_timeout", alice:expect_close(4001))
    assert.equal("ping", alice.inbox[1].type)
    server:wait_log "silent has gone: ping_timeout"
  end)

  it("does not ping all who came at once at once", function()
    local order, loop = {}, cqueues.new()
    local clients = {}
    for i = 1, 12 do
      clients[i] = server:connect { auth = false }
    end
    for i, client in ipairs(clients) do
      client:send("auth", { token = server:token { sub = "crowd-" .. i } })
    end
    for i, client in ipairs(clients) do
      client:expect "auth_ok"
      loop:wrap(function()
        assert.equal('{"type":"ping"}', raw(client))
        table.insert(order, i)
      end)
    end
    assert(loop:loop())
    local sorted = { table.unpack(order) }
    table.sort(sorted)
    assert.equal(12, #order)
    assert.not_same(sorted, order)
  end)
end)
