-- SPDX-License-Identifier: MIT
-- Messages to many leave with one system call for many sockets, where the
-- kernel gives io_uring; and all the same where it does not, or fails.
local cli = require "spec.support.cli"
local lfs = require "lfs"
local t = require "perigee.testing"

local MEMBERS, MESSAGES = 270, 8 -- more than one submission takes

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    say = function(_, n)
      for i = 1, n do
        perigee.send_to_room("r", { type = "said", data = i })
      end
    end,
  }
]]

-- A server whose system calls fail as strace says (`io_uring_enter:error=EIO`).
local function serve(options, faults)
  options["limits.per_ip"] = 0
  options["limits.handshakes_per_ip"] = 0
  local binary, env = t.binary, nil
  if faults then
    local path = cli.folder() .. "/strace"
    local file <close> = assert(io.open(path, "w"))
    assert(file:write("#!/bin/sh\nexec strace -D -f -qqq -o /dev/null -e trace=",
      faults:match "^[^:]*", " -e inject=", faults, " '",
      lfs.currentdir() .. "/" .. binary:gsub("^" .. lfs.currentdir():gsub("%p", "%%%0")
        .. "/", ""), "' \"$@\"\n"))
    assert(os.execute("chmod +x " .. path))
    t.binary = path
    env = { ASAN_OPTIONS = (os.getenv "ASAN_OPTIONS" or "") .. ":detect_leaks=0" }
  end
  local ok, server = pcall(t.server, { options = options, env = env,
    scripts = { ["say.lua"] = SCRIPT } })
  t.binary = binary
  return assert(ok and server, server)
end

local function fan_out(server)
  local members = {}
  for i = 1, MEMBERS do
    members[i] = server:connect("user-" .. i)
    members[i]:join "r"
  end
  members[1]:request("say", 1)
  members[1]:request("say", MESSAGES)
  for _, member in ipairs(members) do
    assert.equal(1, member:expect("said").data)
    for n = 1, MESSAGES do
      assert.equal(n, member:expect("said").data)
    end
    assert.equal(0, #member.inbox)
  end
end

local function has_ring(server)
  local folder = ("/proc/%d/fd/"):format(server.pid)
  for name in lfs.dir(folder) do
    if (lfs.symlinkattributes(folder .. name, "target") or "")
      :find("io_uring", 1, true) then
      return true
    end
  end
  return false
end

describe("net.io", function()
  local server

  after_each(function()
    if server then
      server:stop()
    end
    server = nil
    cli.cleanup()
  end)

  local forbidden = select(3, cli.run { "check", "scripts", "--net.io=uring",
    "--auth.secret=" .. ("x"):rep(32) }):find("net.io", 1, true)
  local with_ring = forbidden and pending or it

  it("epoll does without a ring", function()
    server = serve { ["net.io"] = "epoll" }
    assert.matches(" io=epoll ", server:log(), 1, true)
    fan_out(server)
    assert.is_false(has_ring(server))
  end)

  with_ring("uring makes one when there is something for many", function()
    server = serve { ["net.io"] = "uring" }
    assert.matches(" io=uring ", server:log(), 1, true)
    assert.is_false(has_ring(server))
    fan_out(server)
    assert.is_true(has_ring(server))
  end)

  it("auto goes on without where it is forbidden, and says so", function()
    server = serve({}, "io_uring_setup:error=EPERM")
    assert.matches(" io=epoll ", server:log(), 1, true)
    fan_out(server)
    assert.is_false(has_ring(server))
  end)

  it("uring does not start where it is forbidden", function()
    local ok, why = pcall(serve, { ["net.io"] = "uring" },
      "io_uring_setup:error=EPERM")
    assert.is_false(ok)
    assert.matches("net.io: uring: the kernel does not give it "
      .. "(Operation not permitted)", why, 1, true)
  end)

  for name, faults in pairs {
    ["at once"] = "io_uring_enter:error=ENOMEM",
    ["later"] = "io_uring_enter:error=EBUSY:when=3+",
    ["and is interrupted all the time"] = "io_uring_enter:error=EINTR:when=1+2",
  } do
    with_ring("loses nothing when the ring fails " .. name, function()
      server = serve({}, faults)
      fan_out(server)
      if not faults:find "EINTR" then
        server:wait_log "io_uring has failed"
      end
    end)
  end

  with_ring("loses nothing when sockets take a part only", function()
    server = serve { ["limits.socket_bytes"] = 4096,
      ["limits.queue_bytes"] = 4 << 20, ["limits.stall_s"] = 0,
      ["heartbeat.timeout_s"] = 3600, ["limits.bytes_per_s"] = 0 }
    local long = ("x"):rep(30000)
    server:write("say.lua", [[
      local perigee = require "perigee"
      return { say = function(_, data)
        perigee.send_to_room("r", { type = "said", data = data })
      end }
    ]])
    server:reload()
    local members = {}
    for i = 1, 8 do
      members[i] = server:connect("user-" .. i)
      members[i]:join "r"
    end
    for n = 1, 20 do -- more than the sockets hold; nobody reads meanwhile
      members[1]:send("say", { n = n, text = long })
    end
    for _, member in ipairs(members) do
      for n = 1, 20 do
        local data = member:expect("said").data
        assert.equal(n, data.n)
        assert.equal(#long, #data.text)
      end
    end
    assert.is_true(has_ring(server))
  end)
end)
