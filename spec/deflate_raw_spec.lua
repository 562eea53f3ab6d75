-- SPDX-License-Identifier: MIT
-- permessage-deflate on raw connections.
local deflate = require "spec.support.deflate"
local raw = require "spec.support.raw"
local t = require "perigee.testing"

local text = ("All work and no play makes Jack a dull boy. "):rep(50)

describe("permessage-deflate in raw mode", function()
  local server

  lazy_setup(function()
    server = t.server {
      scripts = { ["main.lua"] = [[return {
        ["@raw"] = function(client, data, is_binary)
          client:send_raw(data, is_binary)
        end,
      }]] },
      options = { ["deflate.enabled"] = true, ["raw.path"] = "/raw",
        ["heartbeat.interval_s"] = 3600 },
    }
  end)
  lazy_teardown(function() server:stop() end)

  local function connect()
    return deflate.connect(server, nil, "/raw")
  end

  it("carries text and binary data both ways", function()
    local peer = connect()
    local bytes = text .. "\0\xff"
    peer:write(raw.frame(deflate.compress(bytes), { rsv = 4, opcode = 2 }))
    local opcode, payload, compressed = peer:read_frame()
    assert.equal(2, opcode)
    assert.is_true(compressed)
    assert.equal(bytes, deflate.inflate(payload))
    peer:write(deflate.frame(text))
    opcode, payload, compressed = peer:read_frame()
    assert.equal(1, opcode)
    assert.is_true(compressed)
    assert.equal(text, deflate.inflate(payload))
  end)

  it("closes 1007 after invalid UTF-8, 1002 after corrupt data", function()
    local peer = connect()
    peer:write(deflate.frame(text .. "\xff"))
    assert.equal(1007, (peer:expect_close()))
    peer = connect()
    peer:write(raw.frame(("\xff"):rep(100), { rsv = 4 }))
    assert.equal(1002, (peer:expect_close()))
  end)
end)
