-- SPDX-License-Identifier: MIT
-- What the server of stream_fuzz.c runs: a bit of everything that a message
-- may set in motion. Nothing raises, as each error would be a log line.
local perigee = require "perigee"

local function is_odd(room)
  return #room % 2 == 1
end

return {
  echo = function(_, data) return data end,
  -- With a reply that comes later; what is sent meanwhile waits.
  pause = function(_, data)
    perigee.sleep(0)
    return data
  end,
  say = {
    schema = { room = "string<=64", text = "string", tags = "string[]?" },
    handler = function(client, data)
      return perigee.send_to_room(data.room,
        { type = "said", data = data.text }, { except = client })
    end,
  },
  self = function(client, data)
    client:send { type = "self", data = data }
    return perigee.send_to_user(client.user_id, { type = "user", data = data })
  end,
  note = function(client, data)
    client.state.note = data
    return client.state
  end,
  go = function(client) client:close(4004, "asked for") end,
  ["@raw"] = function(client, payload, is_binary)
    if #payload % 3 == 0 then perigee.sleep(0) end
    client:send_raw(payload, is_binary)
    client:send_raw("", true)
  end,
  ["@join"] = function(_, room)
    if is_odd(room) then return nil, "room.odd", "only even ones" end
    perigee.sleep(0)
    return { room = room }
  end,
  ["@leave"] = function(_, room)
    if #room > 4 then perigee.sleep(0) end
    perigee.send_to_room(room, { type = "left" })
  end,
  ["@disconnect"] = function() perigee.sleep(0) end,
}
