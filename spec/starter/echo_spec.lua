-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"

describe("echo", function()
  it("gives back what it got", function()
    local alice = t.connect "alice"
    for _, data in ipairs { { hello = "world" }, "hi", 5, t.array {} } do
      assert.same(data, alice:request("echo", data))
    end
  end)
end)
