-- SPDX-License-Identifier: MIT
-- What the benchmark's clients call: an echo, and sends to a room or a user.
local perigee = require "perigee"

return {
  ["echo"] = function(client, data)
    client:send { type = "echo", data = data }
  end,

  ["room.send"] = function(client, data)
    perigee.send_to_room(data.room, {
      type = "room.msg",
      data = { room = data.room, from = client.user_id, data = data.data },
    })
  end,

  ["user.send"] = function(client, data)
    perigee.send_to_user(data.to, {
      type = "user.msg",
      data = { from = client.user_id, data = data.data },
    })
  end,
}
