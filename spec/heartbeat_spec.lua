-- SPDX-License-Identifier: MIT
local cqueues = require "cqueues"
local frames = require "spec.support.frames"
local t = require "perigee.testing"

local function start(interval_s, timeout_s, mode)
  return t.server {
    mode = mode,
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
      ["heartbeat.interval_s"] = interval_s,
      ["heartbeat.timeout_s"] = timeout_s,
    },
  }
end

-- The next message as it is, with pings not answered.
local function raw(client)
  return (assert(client:receive()))
end

describe("The heartbeat", function()
  it("tells its times with auth_ok", function()
    local server = start(0.5, 2)
    local info = server:connect({ user = "alice" }).info
    assert.equal(500, info.ping_ms)
    assert.equal(2000, info.pong_ms)
  end)

  it("closes who has fallen silent; any sign of life keeps a connection",
    function()
      local server, loop = start(0.2, 3), cqueues.new()
      local is_over = false
      for name, answer in pairs {
        pong = function(client) client:send "pong" end,
        noise = function(client) client:send "noise" end,
        ping_frame = function(client) client.ws:send_ping("payload", 1) end,
        empty_ping_frame = function(client) client.ws:send_ping("", 1) end,
        pong_frame = function(client) client.ws:send_pong("payload", 1) end,
        empty_pong_frame = function(client) client.ws:send_pong("", 1) end,
      } do
        local client = server:connect { user = name }
        client:send "pong" -- it could: its library does not speak for it
        loop:wrap(function()
          local later = 0 -- longer than the first pings are apart
          while later < 3 do
            assert.equal('{"type":"ping"}', raw(client))
            answer(client)
            later = later + (is_over and 1 or 0)
          end
        end)
      end
      local silent = server:connect { user = "silent" }
      silent:send "pong"
      silent.is_mute = true
      loop:wrap(function()
        assert.equal("ping_timeout", silent:expect_close(4001))
        is_over = true
      end)
      assert(loop:loop())
      assert.equal("ping", silent.inbox[1].type)
      server:wait_log "silent has gone: ping_timeout"
    end)

  it("is satisfied with a library that answers ping frames, if the client has "
    .. "never answered", function()
      local server, loop = start(0.2, 3), cqueues.new()
      local kept = server:connect "kept"
      local deaf = frames.connect(server, "/ws")
      deaf:send(frames.text(('{"type":"auth","data":{"token":"%s"}}')
        :format(server:token { sub = "deaf" })))
      local is_over = false
      loop:wrap(function()
        local later = 0
        while later < 3 do
          assert.equal('{"type":"ping"}', raw(kept))
          later = later + (is_over and 1 or 0)
        end
      end)
      loop:wrap(function()
        local got
        local pings = 0
        repeat
          got = deaf:receive()
          pings = pings + (got.opcode == frames.PING and 1 or 0)
        until got.opcode == frames.CLOSE
        assert.equal("\x0f\xa1ping_timeout", got.payload)
        assert.is_true(pings > 0)
        is_over = true
      end)
      assert(loop:loop())
      kept:send "pong" -- from now on it has to
      kept.is_mute = true
      assert.equal("ping_timeout", kept:expect_close(4001))
    end)

  it("lets those be who answer nothing, in development mode", function()
    local server, loop = start(0.2, 0.5, "dev"), cqueues.new()
    local peer = frames.connect(server, "/ws")
    peer:send(frames.text(('{"type":"auth","data":{"token":"%s"}}')
      :format(server:token { sub = "typist" })))
    local client = server:connect "client"
    client:send "pong" -- a real client, which is held to it
    client.is_mute = true
    local is_over = false
    loop:wrap(function()
      assert.equal("ping_timeout", client:expect_close(4001))
      is_over = true
    end)
    loop:wrap(function()
      local later = 0
      while later < 6 do
        assert.not_equal(frames.CLOSE, peer:receive().opcode)
        later = later + (is_over and 1 or 0)
      end
    end)
    assert(loop:loop())
    peer:send(frames.text '{"type":"noise","id":1}')
    local got
    repeat got = peer:receive() until got.payload:find "reply"
  end)

  it("does not ping all who came at once at once", function()
    local server = start(1, 10)
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
