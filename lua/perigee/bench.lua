-- SPDX-License-Identifier: MIT
-- The handlers that `perigee bench` calls: an echo, and sends to a room or to a
-- user. The server that it starts itself has this file. To measure another
-- server, put it into its scripts folder: `perigee bench --handlers` prints it.
-- It is not for production: everybody may send to every room and user.
local perigee = require "perigee"

return {
  ["bench.echo"] = function(_, data)
    return data
  end,

  ["bench.view"] = {
    view = true,
    handler = function(_, data)
      return data
    end,
  },

  ["bench.room"] = function(client, data)
    perigee.send_to_room(data.room, {
      type = "bench.room",
      data = { room = data.room, from = client.user_id, data = data.data },
    })
  end,

  ["bench.user"] = function(client, data)
    perigee.send_to_user(data.to, {
      type = "bench.user",
      data = { from = client.user_id, data = data.data },
    })
  end,
}
