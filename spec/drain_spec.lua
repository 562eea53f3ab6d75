-- SPDX-License-Identifier: MIT
-- A server that ends sends its clients away one after the other.
local http = require "spec.support.http"
local raw = require "spec.support.raw"
local t = require "perigee.testing"

local CLIENTS, BUSY = 100, 20

local scripts = {
  ["main.lua"] = [[
    local perigee = require "perigee"
    return {
      -- Until the server has sent the first one away, and some more.
      hold = function(client)
        while not perigee.store.get "begun" do perigee.sleep(0.01) end
        perigee.sleep(0.1)
        return client.user_id
      end,
      ["@disconnect"] = function() perigee.store.set("begun", true) end,
    }
  ]],
}

-- In how many tenths of a second the server has closed connections.
local function moments(log)
  local seen, count = {}, 0
  for moment in log:gmatch "([^\n]-%.%d)%d%dZ[^\n]* code=1001 " do
    count = count + (seen[moment] and 0 or 1)
    seen[moment] = true
  end
  return count
end

local function crowd(server)
  local clients = {}
  for i = 1, CLIENTS do
    clients[i] = server:connect { user = "user" .. i }
  end
  return clients
end

local function begin(workers, window_s)
  local server = t.server {
    scripts = scripts,
    options = {
      workers = workers, ["shutdown.drain_s"] = window_s,
      ["limits.per_ip"] = 0,
    },
  }
  return server, crowd(server)
end

for _, workers in ipairs { 1, 4 } do
  describe(("A server with %d worker(s) that ends"):format(workers), function()
    it("sends a hundred clients away, not all at once", function()
      local server, clients = begin(workers, 2)
      server:signal "TERM"
      for _, client in ipairs(clients) do
        local goodbye = client:expect("goodbye").data
        assert.same({ 0, 2000 }, goodbye.reconnect_in_ms)
      end
      for _, client in ipairs(clients) do
        assert.equal("shutdown", client:expect_close(1001))
      end
      assert.equal(0, (server:stop(false)))
      local count = moments(server.last_log)
      assert.is_true(count >= 5, "all of them within " .. count .. " tenths")
    end)

    it("delivers the answers of handlers that wait", function()
      local server, clients = begin(workers, 2)
      for i = 1, BUSY do
        clients[i]:send("hold", nil, i)
        clients[i]:sync()
      end
      server:signal "TERM"
      for i = 1, BUSY do
        assert.equal("user" .. i, clients[i]:expect("reply").data)
        clients[i]:expect_close(1001)
      end
      assert.equal(0, (server:stop(false)))
      assert.not_matches("aborted", server.last_log)
    end)

    it("takes nobody in meanwhile, and says that it drains", function()
      local server = begin(workers, 3600)
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
      -- Nor is who comes now left without an answer.
      for _, path in ipairs { "/healthz", "/ws" } do
        local status, _, head = http.get(server.port, path, http.upgrade())
        assert.equal(path == "/ws" and 503 or 404, status)
        assert.equal(path == "/ws", head:find "Retry%-After: %d" ~= nil)
      end
      local status, _, head = http.get(server.port, "/healthz")
      assert.equal(503, status)
      assert.matches("retry%-after: %d", head)
      late:close()
      asker:close()
      assert.equal(1, (server:stop "TERM")) -- the second one: at once
    end)
  end)
end

describe("A server that ends with shutdown.notice_s", function()
  local function health(port)
    return (http.get(port, "/healthz"))
  end

  for _, workers in ipairs { 1, 2 } do
    it(("leaves its clients alone first; workers: %d"):format(workers), function()
      local server = t.server { scripts = { ["main.lua"] = [[
        return { double = function(_, n) return 2 * n end }
      ]] }, options = { workers = workers, ["shutdown.notice_s"] = 3600 } }
      local client = server:connect "alice"
      server:signal "TERM"
      t.wait_until(function() return health(server.port) == 503 end)
      assert.equal(503, health(server.admin:match ":(%d+)$"))
      local status, _, head = http.get(server.port, "/ws", http.upgrade())
      assert.equal(503, status)
      assert.matches("Retry%-After: %d", head)
      assert.equal(4, client:request("double", 2))
      client:expect_nothing()
      server:wait_log "draining begins in notice_ms=3600000"
      assert.not_matches("draining connections", server:log())
      client:close()
      assert.equal(1, (server:stop "TERM")) -- the second one: at once
    end)
  end

  it("sends them away after that", function()
    local server = t.server { options = { ["shutdown.notice_s"] = 0.2 } }
    local client = server:connect "alice"
    server:signal "TERM"
    client:expect "goodbye"
    client:expect_close(1001)
    assert.equal(0, (server:stop(false)))
    assert.matches("notice_ms=200.*draining connections=1", server.last_log)
  end)
end)
