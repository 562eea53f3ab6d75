-- SPDX-License-Identifier: MIT
-- What a handler sends, and its reply, arrive in the order in which they were
-- sent, also where other workers talk in the same room.
local t = require "perigee.testing"

local CLIENTS, TIMES = 6, 60

describe("What a handler sends arrives in its order", function()
  local server, everyone

  before_each(function()
    server = t.server { options = { workers = 4, ["limits.messages_per_s"] = 0,
      ["limits.bytes_per_s"] = 0, ["limits.queue_bytes"] = "64MiB" },
      scripts = { ["main.lua"] = [[
        local perigee = require "perigee"
        return {
          ["@rooms"] = { ["log"] = { history = { messages = 100 } } },
          say = function(client, data)
            local _, seq = perigee.send_to_room("log", { type = "said", data = data })
            if data == "send" then
              client:send { type = "sent", data = seq }
            elseif data == "user" then
              perigee.send_to_user(client.user_id, { type = "sent", data = seq })
            elseif data == "room" then
              perigee.send_to_room("plain " .. client.user_id, { type = "sent", data = seq })
            end
            return seq
          end,
          go = function(client, how)
            perigee.send_to_room("log", { type = "said", data = how })
            client:send { type = "bye" }
            perigee.send_to_user(client.user_id, { type = "bye" })
            if how == "kick" then perigee.kick(client.user_id) else client:close(4502) end
          end,
        }
      ]] } }
    everyone = {}
    for i = 1, CLIENTS do
      everyone[i] = server:connect("user" .. i)
      everyone[i]:request("join", { room = "log" })
      everyone[i]:request("join", { room = "plain user" .. i })
    end
  end)

  after_each(function() server:stop() end)

  -- All talk at once; nobody may hear of a message before he has it.
  local function talk(how)
    for n = 1, TIMES do
      for _, client in ipairs(everyone) do
        client:send("say", how, 1000 + n)
      end
    end
    for i, client in ipairs(everyone) do
      local seen, replies = 0, 0
      while replies < TIMES or seen < CLIENTS * TIMES do
        local message = t.decode(assert(client:receive(t.timeout)))
        if message.type == "said" then
          assert(message.seq == seen + 1)
          seen = message.seq
        elseif message.type == "sent" or message.type == "reply" then
          replies = replies + (message.type == "reply" and 1 or 0)
          assert(message.data <= seen, ("user%d heard of %d in a %s, and had only %d"):format(i,
            message.data, message.type, seen))
        end
      end
    end
  end

  it("and then comes the reply", function() talk "reply" end)
  it("and so does what is sent to the client", function() talk "send" end)
  it("and so does what is sent to its user", function() talk "user" end)
  it("and so does what is sent to another room", function() talk "room" end)

  it("and before the end, if it is sent before", function()
    for n = 1, TIMES do
      for _, client in ipairs(everyone) do
        client:send("say", "reply", 1000 + n)
      end
    end
    for i, client in ipairs(everyone) do
      client:send("go", i % 2 == 0 and "kick" or "close")
    end
    for _, client in ipairs(everyone) do
      local byes = 0
      for text in function() return (client:receive(t.timeout)) end do
        byes = byes + (text:find('"bye"', 1, true) and 1 or 0)
      end
      assert.equal(2, byes)
      client:expect_close(4502)
    end
  end)
end)
