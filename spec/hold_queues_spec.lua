-- SPDX-License-Identifier: MIT
-- What happens to those who do not read, and to the memory of the server.
local t = require "perigee.testing"

local scripts = {
  ["main.lua"] = [[
    local perigee = require "perigee"
    local function message(bytes)
      return { type = "pour", data = ("x"):rep(bytes) }
    end
    return {
      pour = function(_, data) -- to a user, as long as it keeps up
        local count = 0
        for _ = 1, data.times do
          count = count + perigee.send_to_user(data.user,
            message(data.bytes), { drop = data.drop })
        end
        return count
      end,
      is_online = function(_, user) return perigee.is_online(user) end,
      ["@disconnect"] = function(client, reason)
        perigee.send_to_user("watcher", { type = "gone",
          data = { user = client.user_id, reason = reason } })
      end,
    }
  ]],
}

local function serve(options)
  local all = { ["limits.messages_per_s"] = 0, ["limits.bytes_per_s"] = 0 }
  for name, value in pairs(options) do
    all[name] = value
  end
  return t.server { scripts = scripts, options = all }
end

-- A client that reads nothing, with all that the kernel takes for it on the
-- way: the next message waits in the server.
local function stuffed(server, watcher, user)
  local client = server:connect { user = user }
  local refused = 0
  repeat
    local count = watcher:request("pour",
      { user = user, times = 1, bytes = 50000, drop = true })
    refused = count == 0 and refused + 1 or 0
  until refused == 5
  return client
end

describe("A client that takes nothing of what waits for it", function()
  it("is closed 4002 and cut off", function()
    local server = serve { ["limits.stall_s"] = 0.2 }
    finally(function() server:stop() end)
    local watcher = server:connect { user = "watcher" }
    local slow = stuffed(server, watcher, "slow")
    assert.same({ user = "slow", reason = "slow_consumer" },
      watcher:expect("gone").data)
    server:wait_log "user=slow took nothing for 0%.2 s"
    server:wait_log "user=slow closed by server code=4002"
    -- A reset, not the close frame: that could not pass.
    local ok, text
    repeat ok, text = pcall(slow.receive, slow) until not ok or not text
    assert.is_nil(slow.ws.got_close_code)
    assert.is_false(watcher:request("is_online", "slow"))
  end)

  it("stays if that is not limited", function()
    local server = serve { ["limits.stall_s"] = 0,
      ["heartbeat.interval_s"] = 0.05, ["heartbeat.timeout_s"] = 0.3 }
    finally(function() server:stop() end)
    local watcher = server:connect { user = "watcher" }
    stuffed(server, watcher, "slow")
    -- Its heartbeat is what ends it then.
    assert.same({ user = "slow", reason = "ping_timeout" },
      watcher:expect("gone").data)
  end)
end)

describe("When too much waits for all slow clients together", function()
  it("those with the longest queues are closed 4002", function()
    local server = serve { ["limits.queues_mb"] = 2, ["limits.stall_s"] = 0 }
    finally(function() server:stop() end)
    local watcher = server:connect { user = "watcher" }
    local waits = { large = 900000, small1 = 350000, small2 = 350000 }
    for user, bytes in pairs(waits) do
      stuffed(server, watcher, user)
      assert.equal(bytes // 50000, watcher:request("pour",
        { user = user, times = bytes // 50000, bytes = 50000 }))
    end
    watcher:expect_nothing() -- 1.6 MB and what the sockets hold: allowed
    stuffed(server, watcher, "small3")
    watcher:request("pour", { user = "small3", times = 12, bytes = 50000 })
    assert.same({ user = "large", reason = "slow_consumer" },
      watcher:expect("gone").data)
    server:wait_log "over limits%.queues_mb: closed 1 of them"
    for i = 1, 3 do
      assert.is_true(watcher:request("is_online", "small" .. i))
    end
    watcher:expect_nothing()
  end)
end)

describe("Twenty clients that never read, in a room that gets 12 MB,", function()
  local function memory(server)
    local file <close> = io.open(("/proc/%d/status"):format(server.pid))
    return tonumber(file:read("a"):match "VmRSS:%s*(%d+)") * 1024
  end

  it("are closed 4002; others get every message", function()
    local server = t.server {
      scripts = { ["main.lua"] = [[
        local perigee = require "perigee"
        return {
          say = function(_, i)
            return perigee.send_to_room("hall",
              { type = "said", data = { i = i, text = ("x"):rep(60000) } })
          end,
          ["@disconnect"] = function(client, reason)
            perigee.send_to_user("speaker", { type = "gone", data = reason })
          end,
        }
      ]] },
      options = { ["limits.messages_per_s"] = 0, ["limits.bytes_per_s"] = 0 },
    }
    finally(function() server:stop() end)
    local speaker = server:connect { user = "speaker" }
    local reader = server:connect { user = "reader" }
    reader:request("join", { room = "hall" })
    for i = 1, 20 do
      local deaf = server:connect { user = "deaf" .. i }
      deaf:request("join", { room = "hall" })
    end
    local before, most = memory(server), 0
    local count
    for i = 1, 200 do
      count = speaker:request("say", i)
      local said = reader:expect("said").data
      assert.equal(i, said.i)
      assert.equal(60000, #said.text)
      most = math.max(most, memory(server))
    end
    assert.equal(1, count) -- the reader alone is left
    for _ = 1, 20 do
      assert.equal("slow_consumer", speaker:expect("gone").data)
    end
    local _, closed = server:log():gsub("user=deaf%d+ closed by server "
      .. "code=4002", "")
    assert.equal(20, closed)
    reader:expect_nothing()
    local grown = most - before
    -- AddressSanitizer keeps what was freed for a while.
    local is_sanitized = (os.getenv "PERIGEE_BIN" or ""):find "san"
    local limit = is_sanitized and 400 << 20 or 40 << 20
    assert.is_true(grown < limit, grown .. " bytes more")
  end)
end)
