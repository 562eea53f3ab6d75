-- SPDX-License-Identifier: MIT
-- What happens to those who do not read, and to the memory of the server.
local frames = require "spec.support.frames"
local servers = require "spec.support.servers"
local t = require "perigee.testing"

local scripts = {
  ["main.lua"] = [[
    local perigee = require "perigee"
    local message = { type = "pour", data = ("x"):rep(50000) }
    local poured = 0 -- for all users
    return {
      pour = function(_, user)
        for _ = 1, 20 do
          perigee.send_to_user(user, message, { drop = true })
        end
      end,
      -- Clients of these users take no more: then so many messages of 50 kB
      -- wait for each, all at once. The kernel may find room for more, later.
      stuff = function(_, waits)
        local refused = 0
        repeat
          local taken = 0
          for user in pairs(waits) do
            taken = taken
              + perigee.send_to_user(user, message, { drop = true })
          end
          poured = poured + taken
          refused = taken == 0 and refused + 1 or 0
          perigee.sleep(0.001)
        until refused == 5
        for user, times in pairs(waits) do
          for _ = 1, times do
            poured = poured + perigee.send_to_user(user, message)
          end
        end
      end,
      poured = function() return poured end,
      is_online = function(_, user) return perigee.is_online(user) end,
      ["@disconnect"] = function(client, reason)
        perigee.send_to_user("watcher", { type = "gone",
          data = { user = client.user_id, reason = reason } })
      end,
    }
  ]],
}

local serve = servers {
  scripts = scripts,
  options = { ["limits.messages_per_s"] = 0, ["limits.bytes_per_s"] = 0,
    ["script.burst_ms"] = 20000 }, -- some of the handlers write much
}

describe("A client that takes nothing of what waits for it", function()
  it("is closed 4002 and cut off", function()
    local server = serve { ["limits.stall_s"] = 0.5 }
    local watcher = server:connect { user = "watcher" }
    local slow = server:connect { user = "slow" }
    t.wait_until(function() -- the kernel takes more than once
      watcher:request("pour", "slow")
      return not watcher:request("is_online", "slow")
    end)
    assert.same({ user = "slow", reason = "slow_consumer" },
      watcher:expect("gone").data)
    server:wait_log "user=slow took nothing for %d+%.%d s"
    server:wait_log "user=slow closed by server code=4002"
    -- A reset, not the close frame: that could not pass.
    local ok, text
    repeat ok, text = pcall(slow.receive, slow) until not ok or not text
    assert.is_nil(slow.ws.got_close_code)
    assert.is_false(watcher:request("is_online", "slow"))
  end)

  it("stays if that is not limited", function()
    local server = serve { ["limits.stall_s"] = 0,
      ["heartbeat.interval_s"] = 0.05, ["heartbeat.timeout_s"] = 2 }
    local watcher = server:connect { user = "watcher" }
    server:connect { user = "slow" }
    watcher:request("stuff", { slow = 3 })
    -- Its heartbeat is what ends it then.
    assert.same({ user = "slow", reason = "ping_timeout" },
      watcher:expect("gone").data)
  end)
end)

describe("When too much waits for all slow clients together", function()
  it("those with the longest queues are closed 4002", function()
    local server = serve { ["limits.queues_mb"] = 2, ["limits.stall_s"] = 0 }
    local watcher = server:connect { user = "watcher" }
    local waits = { large = 18, small1 = 6, small2 = 6, small3 = 6, small4 = 6 }
    for user in pairs(waits) do
      server:connect { user = user }
    end
    watcher:request("stuff", waits) -- 2.1 MB, and a message in each socket
    assert.same({ user = "large", reason = "slow_consumer" },
      watcher:expect("gone").data)
    server:wait_log "over limits%.queues_mb: closed 1 of them"
    for i = 1, 4 do
      assert.is_true(watcher:request("is_online", "small" .. i))
    end
    assert.same({}, watcher.inbox)
  end)
end)

-- RFC 6455, 5.5.1: the answer to a close frame comes behind what was sent
-- before it.
describe("When much waits for a client", function()
  local server, watcher, peer

  before_each(function()
    server = serve { ["limits.stall_s"] = 0, ["heartbeat.interval_s"] = 3600 }
    watcher = server:connect { user = "watcher" }
    peer = frames.connect(server, "/ws")
    peer:send(frames.text(t.encode { type = "auth",
      data = { token = server:token { sub = "slow" } } }))
    assert.matches("auth_ok", peer:receive().payload)
    watcher:request("stuff", { slow = 10 })
  end)
  after_each(function() server:stop() end)

  -- Whole messages, as many as were sent; returns the frame after them.
  local function read_messages()
    local count, frame = 0, peer:receive()
    while frame and frame.opcode == frames.TEXT do
      -- Not decoded: there are 5 s to take it all.
      assert.equal(50000 + #'{"type":"pour","data":""}', #frame.payload)
      count, frame = count + 1, peer:receive()
    end
    assert.equal(watcher:request "poured", count)
    return frame
  end

  it("its close frame is answered behind that", function()
    peer:send(frames.close(1000))
    server:wait_log "user=slow closed by peer code=1000"
    assert.is_false(watcher:request("is_online", "slow"))
    local frame = read_messages()
    assert.same({ frames.CLOSE, "\x03\xe8" }, { frame.opcode, frame.payload })
    peer:expect_end()
  end)

  it("what is no frame is refused behind that", function()
    peer:send "\xff\xff"
    server:wait_log "user=slow closed by server code=1002"
    local frame = read_messages()
    assert.equal(frames.CLOSE, frame.opcode)
    assert.equal(1002, string.unpack(">I2", frame.payload))
    peer:expect_end()
  end)

  it("and it goes without taking that, its socket is closed in time", function()
    local descriptors = ("ls /proc/%d/fd | wc -l"):format(server.pid)
    local function count() return io.popen(descriptors):read "n" end
    local before = count()
    peer:send(frames.close(1000))
    t.wait_until(function() return count() < before end)
  end)
end)

describe("Twenty clients that never read, in a busy room,", function()
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
    local speaker = server:connect { user = "speaker" }
    local reader = server:connect { user = "reader" }
    reader:request("join", { room = "hall" })
    for i = 1, 20 do
      local deaf = server:connect { user = "deaf" .. i }
      deaf:request("join", { room = "hall" })
    end
    local before, most = memory(server), 0
    local i, count = 0
    repeat -- how much the sockets take is the kernel's business
      i = i + 1
      count = speaker:request("say", i)
      local said = reader:expect("said").data
      assert.equal(i, said.i)
      assert.equal(60000, #said.text)
      most = math.max(most, memory(server))
    until count == 1 -- the reader alone is left
    for _ = 1, 20 do
      assert.equal("slow_consumer", speaker:expect("gone").data)
    end
    t.wait_until(function()
      local _, closed = server:log():gsub("user=deaf%d+ closed by server "
        .. "code=4002", "")
      return closed == 20
    end)
    reader:expect_nothing()
    local grown = most - before
    -- AddressSanitizer keeps what was freed for a while.
    local is_sanitized = (os.getenv "PERIGEE_BIN" or ""):find "san"
    local limit = is_sanitized and 400 << 20 or 40 << 20
    assert.is_true(grown < limit, grown .. " bytes more")
  end)
end)
