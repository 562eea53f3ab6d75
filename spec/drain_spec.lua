-- SPDX-License-Identifier: MIT
-- A server that ends sends its clients away one after the other.
local http = require "spec.support.http"
local raw = require "spec.support.raw"
local t = require "perigee.testing"

local CLIENTS, BUSY, WINDOW_MS = 100, 20, 2000

local scripts = {
  ["main.lua"] = [[
    local perigee = require "perigee"
    return {
      echo = function(_, data) return data end,
      -- Until the server drains, and some more.
      hold = function(client)
        perigee.store.set("goodbye", false)
        while not perigee.store.get "goodbye" do perigee.sleep(0.01) end
        perigee.sleep(0.1)
        return client.user_id
      end,
      release = function() perigee.store.set("goodbye", true) end,
    }
  ]],
}

local function connections(server)
  local sum = 0
  local _, body = http.get(server.admin:match ":(%d+)$", "/metrics")
  for value in body:gmatch "\nperigee_connections{[^}]*} (%d+)" do
    sum = sum + tonumber(value)
  end
  return sum
end

local function crowd(server)
  local clients = {}
  for i = 1, CLIENTS do
    clients[i] = server:connect { user = "user" .. i }
  end
  return clients
end

local function begin(workers)
  local server = t.server {
    scripts = scripts,
    options = {
      workers = workers, ["shutdown.drain_s"] = WINDOW_MS / 1000,
      ["limits.per_ip"] = 0,
    },
  }
  finally(function() server:stop() end)
  return server, crowd(server)
end

for _, workers in ipairs { 1, 4 } do
  describe(("A server with %d worker(s) that ends"):format(workers), function()
    it("sends a hundred clients away, not all at once", function()
      local server, clients = begin(workers)
      server:signal "TERM"
      for _, client in ipairs(clients) do
        local goodbye = client:expect("goodbye").data
        assert.same({ 0, WINDOW_MS }, goodbye.reconnect_in_ms)
      end
      local seen, different = {}, 0
      t.wait_until(function()
        local count = connections(server)
        if count > 0 and count < CLIENTS and not seen[count] then
          seen[count], different = true, different + 1
        end
        return different >= 5
      end)
      for _, client in ipairs(clients) do
        assert.equal("shutdown", client:expect_close(1001))
      end
      assert.equal(0, (server:stop(false)))
    end)

    it("delivers the answers of handlers that wait", function()
      local server, clients = begin(workers)
      for i = 1, BUSY do
        clients[i]:send("hold", nil, i)
        clients[i]:sync()
      end
      server:signal "TERM"
      for i = BUSY + 1, CLIENTS do
        clients[i]:expect "goodbye"
        clients[i]:send "release" -- of those that are not closed yet
      end
      for i = 1, BUSY do
        assert.equal("user" .. i, clients[i]:expect("reply").data)
        clients[i]:expect_close(1001)
      end
      assert.equal(0, (server:stop(false)))
      assert.not_matches("aborted", server.last_log)
    end)

    it("takes nobody in meanwhile, and says that it drains", function()
      local server = begin(workers)
      local late, asker = raw.connect(server), raw.connect(server)
      -- Both are with their worker before it drains.
      for _, peer in ipairs { late, asker } do
        peer:write "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        assert.matches("^HTTP/1.1 200", peer:read "*L")
        repeat until peer:read "*L" == "\r\n"
        assert.equal("ok\n", peer:read(3))
      end
      server:signal "TERM"
      for _, client in ipairs(server.clients) do
        client:expect "goodbye"
      end
      assert.equal(503, (http.get(server.admin:match ":(%d+)$", "/healthz")))
      asker:write "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
      assert.matches("^HTTP/1.1 503", asker:read "*L")
      late:write(raw.handshake)
      assert.matches("^HTTP/1.1 503", late:read "*L")
      assert.is_false(pcall(raw.connect, server))
      late:close()
      asker:close()
      for _, client in ipairs(server.clients) do
        client:expect_close(1001)
      end
      assert.equal(0, (server:stop(false)))
    end)
  end)
end
