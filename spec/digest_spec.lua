-- SPDX-License-Identifier: MIT
-- perigee.hmac and perigee.equal.
local t = require "perigee.testing"

describe("Signatures", function()
  local server, alice

  lazy_setup(function()
    server = t.server { scripts = { ["main.lua"] = [[
      local perigee = require "perigee"
      return {
        hmac = function(_, data) return perigee.hmac(table.unpack(data)) end,
        raw = function(_, data) return #perigee.hmac(data, data, "sha256", "raw") end,
        equal = function(_, data) return perigee.equal(data[1], data[2]) end,
        wrong = function(_, data)
          return (select(2, pcall(perigee.hmac, table.unpack(data))))
        end,
      }
    ]] } }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect "alice" end)

  -- RFC 4231, test case 2, and RFC 2202.
  it("are those of the standard", function()
    local key, text = "Jefe", "what do ya want for nothing?"
    assert.equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      alice:request("hmac", { key, text }))
    assert.equal("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
      alice:request("hmac", { key, text, "sha1" }))
    assert.matches("^164b7a7bfcf819e2", alice:request("hmac", { key, text, "sha512" }))
    assert.equal("W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=",
      alice:request("hmac", { key, text, "sha256", "base64" }))
    assert.equal(32, alice:request("raw", ""))
  end)

  it("are compared", function()
    assert.is_true(alice:request("equal", { "abc", "abc" }))
    assert.is_true(alice:request("equal", { "", "" }))
    assert.is_false(alice:request("equal", { "abc", "abd" }))
    assert.is_false(alice:request("equal", { "abc", "abcd" }))
  end)

  it("have few algorithms", function()
    assert.matches("invalid option 'md5'", alice:request("wrong", { "a", "b", "md5" }), 1, true)
    assert.matches("string expected", alice:request("wrong", { "a" }), 1, true)
  end)
end)
