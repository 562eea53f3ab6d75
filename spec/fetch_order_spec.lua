-- SPDX-License-Identifier: MIT
local frames = require "spec.support.frames"
local t = require "perigee.testing"
local web = require "spec.support.web"

-- The socket of such a client is not read while it waits, and a part of what
-- was read before that is left over. When the answer comes the loop may have
-- news of other clients, too, and looks at all sockets at once.
describe("What a client sends while its handler fetches", function()
  local count = 1000

  it("is handled in order, however much it is", function()
    local site = web.start()
    local server = t.server {
      scripts = { ["main.lua"] = [[
        local perigee = require "perigee"
        return {
          fetch = function(_, url) perigee.fetch(url) end,
          echo = function(_, data) return data end,
          -- From now on the loop looks at its sockets ten times a second.
          busy = function()
            perigee.every(0.001, function()
              local stop = perigee.now() + 0.1
              while perigee.now() < stop do end
            end)
          end,
        }
      ]] },
      options = { ["limits.messages_per_s"] = 0, ["limits.bytes_per_s"] = 0,
        ["script.burst_ms"] = 5000, ["heartbeat.interval_s"] = 3600 },
    }
    finally(function() site:stop() end)
    local bob = server:connect { user = "bob" }
    bob:request "busy"
    for round = 1, 5 do
      local peer = frames.connect(server, "/ws")
      local all = { frames.text(t.encode { type = "auth",
        data = { token = server:token { sub = "alice" } } }) }
      all[2] = frames.text(t.encode { type = "fetch",
        data = ("%s/hold/%d"):format(site.url, round) })
      for i = 1, count do
        all[i + 2] = frames.text(t.encode { type = "echo", id = i, data = i })
      end
      peer:send(table.concat(all))
      assert.matches("auth_ok", peer:receive().payload)
      site:get("/held/" .. round)
      site:get("/release/" .. round)
      site:get("/held/" .. round) -- it was told by now
      bob:send("echo", "news")
      for i = 1, count do
        local answer = peer:receive()
        assert.equal(frames.TEXT, answer.opcode, answer.payload)
        assert.equal(i, t.decode(answer.payload).id)
      end
    end
  end)
end)
