-- SPDX-License-Identifier: MIT
-- What `perigee bench` calls: an echo, and sends to a room or a user. Its own
-- server serves this file; `perigee bench --handlers` prints it, to be put into
-- the scripts folder of a server that is to be measured. Not for production:
-- everybody may send to every room and user.
local perigee = require "perigee"

return {
  ["bench.echo"] = function(_, data)
    return data
  end,

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
