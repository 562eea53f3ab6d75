-- SPDX-License-Identifier: MIT
-- Bytes that no client should send. A watching client is served throughout,
-- and no descriptor is left behind.
local http = require "spec.support.http"
local lfs = require "lfs"
local raw = require "spec.support.raw"
local t = require "perigee.testing"

local scripts = {
  ["main.lua"] = "return { echo = function(_, data) return data end }",
}

local server, watcher

local function descriptors()
  local count = 0
  for _ in lfs.dir(("/proc/%d/fd"):format(server.pid)) do
    count = count + 1
  end
  return count
end

describe("The server ends a connection", function()
  lazy_setup(function()
    server = t.server { scripts = scripts }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() watcher = server:connect { user = "watcher" } end)

  local function ends(name, bytes)
    it(name, function()
      local peer = raw.connect(server)
      peer:write(raw.login(server, "mallory"), bytes)
      raw.read_to_end(peer)
      assert.equal(name, watcher:request("echo", name))
    end)
  end

  for rsv = 1, 7 do
    ends("after reserved bits " .. rsv, raw.frame("{}", { rsv = rsv }))
  end
  for _, opcode in ipairs { 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 } do
    ends("after the reserved opcode " .. opcode,
      raw.frame("{}", { opcode = opcode }))
  end
  ends("after a length of 2^63", raw.frame("{}", { length = math.mininteger }))
  ends("after a ping in two parts",
    raw.frame("a", { opcode = 9, fin = false }) .. raw.frame("b", { opcode = 0 }))
  ends("after a ping that is too long",
    raw.frame(("x"):rep(126), { opcode = 9 }))
  ends("after a continuation of nothing", raw.frame("x", { opcode = 0 }))
  ends("after a message inside of another",
    raw.frame("{", { fin = false }) .. raw.frame("{}"))
  ends("after a close frame of one byte", raw.frame("x", { opcode = 8 }))
  ends("after a close frame", raw.frame("\3\232bye", { opcode = 8 }))
  ends("after a close frame without a code", raw.frame("", { opcode = 8 }))

  it("4507 after as much of 2^63 - 1 bytes as a message may have", function()
    local peer = raw.connect(server)
    peer:write(raw.login(server, "mallory"),
      raw.frame(("x"):rep(70000), { length = math.maxinteger }))
    local got = ""
    repeat
      got = got .. assert(peer:read(-4096))
    until got:find "\x88\x0b\x11\x9btoo_large"
    peer:close()
    assert.equal(1, watcher:request("echo", 1))
  end)
end)

describe("Six hundred broken inputs", function()
  local seed = os.time()

  local function random_bytes(most)
    local bytes = {}
    for i = 1, math.random(most) do
      bytes[i] = string.char(math.random(0, 255))
    end
    return table.concat(bytes)
  end

  -- Changes, takes out, doubles or puts in some bytes.
  local function mutate(bytes)
    for _ = 1, math.random(5) do
      local at = math.random(#bytes)
      local head, tail = bytes:sub(1, at - 1), bytes:sub(at + 1)
      local kind = math.random(5)
      if kind == 1 then
        bytes = head .. string.char(math.random(0, 255)) .. tail
      elseif kind == 2 then
        bytes = head .. tail .. " "
      elseif kind == 3 then
        bytes = head .. random_bytes(20) .. bytes:sub(at)
      elseif kind == 4 then
        bytes = bytes .. bytes:sub(at)
      else
        bytes = bytes:sub(1, at)
      end
    end
    return bytes
  end

  local function any_frame()
    local opcode = math.random(0, 15)
    return raw.frame(random_bytes(200), {
      opcode = opcode,
      fin = math.random(3) > 1,
      rsv = math.random(3) == 1 and math.random(7) or 0,
      mask = math.random(4) > 1 and random_bytes(1):rep(4) or false,
      wide = ({ false, 2, 8 })[math.random(3)] or nil,
      length = math.random(4) == 1 and math.random(-5, 100000) or nil,
    })
  end

  local login, echo

  local makers = {
    function() return random_bytes(2000) end,
    function() return mutate(raw.handshake) end,
    function() return raw.handshake .. random_bytes(500) end,
    function() return raw.handshake .. mutate(login:sub(#raw.handshake + 1)) end,
    function() return login .. any_frame() .. any_frame() end,
    function() return login .. mutate(echo) end,
    function() return login .. echo .. mutate(echo:rep(5)) end,
    -- A conversation that ends at any point.
    function()
      local all = login .. echo
      return all:sub(1, math.random(#all))
    end,
  }

  it("disturb nobody and leave nothing", function()
    math.randomseed(seed)
    server = t.server {
      scripts = scripts,
      options = { ["limits.per_ip"] = 0, ["limits.per_user"] = 0 },
    }
    watcher = server:connect { user = "watcher" }
    login = raw.login(server, "mallory")
    echo = raw.frame(t.encode { type = "echo", id = 1, data = ("x"):rep(200) })
    local before = descriptors()
    for i = 1, 600 do
      local peer = raw.connect(server)
      peer:write(makers[i % #makers + 1]())
      if i % 3 == 0 then
        peer:shutdown "w"
        raw.read_to_end(peer)
      elseif i % 3 == 1 then
        peer:settimeout(0.002)
        peer:read(-4096)
      end -- else it ends with what was not read: a reset, mostly
      peer:close()
      if i % 20 == 0 then
        assert.equal(i, watcher:request("echo", i), "seed " .. seed)
      end
    end
    t.wait_until(function() return descriptors() == before end)
    assert.equal(200, (http.get(server.port, "/healthz")))
    watcher:expect_nothing()
  end)
end)
