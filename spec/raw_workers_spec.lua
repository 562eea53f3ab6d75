-- SPDX-License-Identifier: MIT
-- Raw connections on several workers.
local frames = require "spec.support.frames"
local servers = require "spec.support.servers"
local t = require "perigee.testing"

local text = frames.text
local TEXT, BINARY = frames.TEXT, frames.BINARY

local both = [[
  local perigee = require "perigee"
  return {
    ["@raw"] = function(client, payload, is_binary)
      if payload == "where" then
        client:join "hall"
        client:send_raw(tostring(perigee.worker))
      elseif payload == "leave" then
        client:send_raw(tostring(client:leave "hall"))
      end
    end,
    tell = function()
      return perigee.send_to_room("hall", { type = "told" })
    end,
    here = function()
      return { perigee.members "hall", perigee.rooms() }
    end,
    raw = function(_, bytes)
      local results = {}
      for i, client in ipairs(perigee.clients_of "alice") do
        results[i] = { client.is_raw, client:send_raw(bytes, true),
          pcall(client.send_raw, client, "\xff") }
      end
      return results
    end,
  }
]]

local start = servers {
  scripts = { ["both.lua"] = both },
  options = { workers = 2, ["heartbeat.interval_s"] = 3600,
    ["raw.path"] = "/raw", ["limits.per_ip"] = 0, ["limits.per_user"] = 0 },
}

describe("With several workers,", function()
  local server

  -- Peers on both workers, and which one each is on.
  local function connect_to_both(...)
    local peers, seen, count = {}, {}, 0
    while count < 2 do
      local peer = frames.connect(server, "/raw", ...)
      peer:send(text "where")
      local worker = peer:receive().payload
      count = count + (seen[worker] and 0 or 1)
      seen[worker], peers[#peers + 1] = true, peer
    end
    return peers
  end

  it("those without a user are in rooms, and have no name there", function()
    server = start()
    local watcher = server:connect { user = "watcher" }
    local peers = connect_to_both()
    assert.equal(#peers, watcher:request "tell")
    for _, peer in ipairs(peers) do
      peer:expect(TEXT, '{"type":"told","room":"hall"}')
    end
    assert.same({ {}, { "hall" } }, watcher:request "here")
    peers[1]:send(text "leave")
    peers[1]:expect(TEXT, "true")
    for i = 2, #peers do
      peers[i]:send(frames.close(1000))
      peers[i]:expect_close(1000)
    end
    t.wait_until(function() return watcher:request "tell" == 0 end)
    assert.same({ {}, {} }, watcher:request "here")
  end)

  it("send_raw reaches clients of the other ones", function()
    server = start { ["raw.auth"] = "token" }
    local watcher = server:connect { user = "watcher" }
    local peers = connect_to_both("Authorization: Bearer "
      .. server:token { sub = "alice" })
    local results = watcher:request("raw", "bytes")
    assert.equal(#peers, #results)
    for i, peer in ipairs(peers) do
      assert.same({ true, true, false }, { table.unpack(results[i], 1, 3) })
      peer:expect(BINARY, "bytes")
    end
  end)
end)
