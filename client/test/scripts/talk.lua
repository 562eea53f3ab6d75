-- SPDX-License-Identifier: MIT
-- What the client's conversations need from a server.
local perigee = require "perigee"

return {
  ["@rooms"] = {
    ["kept:*"] = {
      history = { messages = 1000, seconds = 3600 },
      presence = true,
    },
  },

  ["@join"] = function(_, room, data)
    if room == "vip" then
      return nil, "test.members_only", "members only"
    end
    return { hello = data and data.hello }
  end,

  ["@leave"] = function(client, room)
    perigee.send_to_room(room, {
      type = "test.left", data = { user = client.user_id },
    })
  end,

  ["test.slow"] = function(_, seconds)
    perigee.sleep(seconds)
    return seconds
  end,

  ["test.echo"] = function(_, data)
    return data
  end,

  ["test.say"] = function(client, data)
    return perigee.send_to_room(data.room, {
      type = "test.said",
      data = { from = client.user_id, text = data.text },
    })
  end,

  ["test.put"] = function(client, room)
    return client:join(room)
  end,

  ["test.take"] = function(client, room)
    return client:leave(room)
  end,

  ["test.close"] = function(client, data)
    client:close(data.code, "asked for")
  end,

  ["test.fail"] = function()
    error "on purpose"
  end,
}
