-- SPDX-License-Identifier: MIT
-- How many sockets may be there that are no WebSocket.
local raw = require "spec.support.raw"
local t = require "perigee.testing"

local HOST = "Host: localhost\r\n"

describe("Those who stay to ask again", function()
  it("do not keep others of their address out", function()
    local server = t.server { options = { ["limits.per_ip"] = 6 } }
    local staying, told_to_go = {}, 0
    for _ = 1, 20 do
      local peer = raw.connect(server)
      assert(peer:write("GET /healthz HTTP/1.1\r\n" .. HOST .. "\r\n"))
      assert.matches("^HTTP/1.1 200 ", peer:read "*l")
      local stays
      for line in function() return peer:read "*l" end do
        stays = stays or line:find("keep-alive", 1, true)
        if line:match "^ok" then break end
      end
      if stays then
        staying[#staying + 1] = peer
      else
        told_to_go = told_to_go + 1
        peer:close()
      end
    end
    assert.is_true(#staying > 0 and told_to_go > 0)
    for _, peer in ipairs(staying) do
      peer:close()
    end
  end)
end)

describe("A trusted proxy", function()
  it("has a bound of its own for what is no WebSocket", function()
    local server = t.server { options = { ["limits.per_ip"] = 2,
      ["limits.per_proxy"] = 4, ["proxy.trusted"] = "127.0.0.1" } }
    local peers = {}
    for i = 1, 4 do
      peers[i] = raw.connect(server)
    end
    assert.matches("^HTTP/1.1 429 ", raw.read_to_end(raw.connect(server)))
    for _, peer in ipairs(peers) do
      peer:close()
    end
  end)
end)
