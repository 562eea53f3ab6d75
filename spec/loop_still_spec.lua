-- SPDX-License-Identifier: MIT
-- A loop that stands still outside of any handler.
--
-- It takes something that our own code waits for and that does not come. A
-- file of the public folder can be such a thing: to open a pipe takes as long
-- as it takes somebody else to open its other end, as a file may on a network
-- disk whose server is gone.

local admin = require "spec.support.admin"
local raw = require "spec.support.raw"
local t = require "perigee.testing"

describe("A loop that stands still while no handler runs", function()
  local server, dir

  -- To read and to write: so this does not wait itself.
  local function open_other_end()
    assert(io.open(dir .. "/pipe", "r+")):close()
  end

  lazy_setup(function()
    dir = os.tmpname()
    assert(os.remove(dir))
    assert(os.execute("mkdir " .. dir .. " && mkfifo " .. dir .. "/pipe"))
    server = t.server {
      scripts = { ["main.lua"] = "return { echo = function(_, d) return d end }" },
      options = { public = dir, workers = 1 },
    }
  end)

  lazy_teardown(function()
    server:stop()
    os.execute("rm -r " .. dir)
  end)

  -- The admin address is answered by the main thread.
  local function health() return admin.get(server, "/healthz") end

  it("is told in the log and by the admin address, with what it did", function()
    assert.equal(200, (health()))
    local peer = raw.connect(server)
    peer:write "GET /pipe HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert.matches("^worker 1 has not turned for %d+ s: it was [%l, ]+\n$",
      t.wait_until(function()
        local status, text = health()
        return status == 503 and text
      end, 30))
    server:wait_log(" error worker=1 its loop has not turned for 10 s, "
      .. "and no handler runs: it was %l")
  end)

  it("is well again when it turns", function()
    t.wait_until(function()
      open_other_end() -- as often as it is opened
      return health() == 200
    end)
    assert.equal("x", server:connect({ user = "alice" }):request("echo", "x"))
  end)
end)
