-- SPDX-License-Identifier: MIT
-- Servers of raw connections whose @raw knows some words: the first word of a
-- message calls a function with the rest of it.
local servers = require "spec.support.servers"

local script = [[
  local perigee = require "perigee"

  -- "word rest of it" calls the word's function with the rest.
  local words = {
    echo = function(client, rest, is_binary)
      client:send_raw(rest, is_binary)
    end,
    slow = function(client, rest, is_binary)
      perigee.sleep(0.05)
      client:send_raw(rest, is_binary)
    end,
    who = function(client)
      client:send_raw(tostring(client.user_id) .. " "
        .. tostring(client.is_raw) .. " " .. client.state.greeted)
    end,
    kind = function(client, rest, is_binary)
      client:send_raw(#rest .. " " .. tostring(is_binary))
    end,
    bad = function(client)
      client:send_raw(tostring(pcall(client.send_raw, client, "\xff")))
      client:send_raw("\xff", true)
    end,
    raise = function() error "a mistake" end,
    join = function(client, room)
      client:send_raw(tostring(client:join(room)))
    end,
    json = function(client) client:send { type = "hello", data = 1 } end,
    pour = function(client)
      local large = ("x"):rep(100000)
      for _ = 1, 30 do client:send_raw(large) end
    end,
  }

  return {
    ["@raw"] = function(client, payload, is_binary)
      local word, rest = payload:match "^(%l+) ?(.*)$"
      words[word](client, rest, is_binary)
    end,
    ["@connect"] = function(client)
      client.state.greeted = "greeted"
      if client.is_raw then
        perigee.send_to_user("watcher", { type = "came",
          data = { user = client.user_id } })
      end
    end,
    ["@disconnect"] = function(client, reason)
      if client.is_raw then
        perigee.send_to_user("watcher", { type = "went",
          data = { id = client.id, reason = reason,
            sent = select(2, client:send_raw "too late") } })
      end
    end,
    is_raw = function(client) return client.is_raw end,
    send_raw = function(client)
      local _, why = pcall(client.send_raw, client, "x")
      return why
    end,
    tell = function(_, room)
      return perigee.send_to_room(room, { type = "told", data = room })
    end,
    all = function() return perigee.broadcast { type = "all" } end,
    members = function(_, room) return perigee.members(room) end,
  }
]]

return servers {
  scripts = { ["raw.lua"] = script },
  options = {
    ["raw.path"] = "/raw",
    -- The first ping of a connection comes at a random time of the interval.
    ["heartbeat.interval_s"] = 3600,
    ["script.burst_ms"] = 20000, -- `pour` writes some MB
  },
}
