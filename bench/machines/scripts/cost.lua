-- SPDX-License-Identifier: MIT
-- The handlers of bench/machines/cost.mjs, beside those of perigee bench.
local perigee = require "perigee"

return {
  ["@rooms"] = {
    ["kept:*"] = { history = { messages = 1000, seconds = 3600 } },
    ["here:*"] = { presence = true },
  },
  -- Sends so many messages to a room, a hundred at a time, and waits for the
  -- last one.
  publish = function(_, data)
    local text = ("x"):rep(data.bytes or 100)
    for i = 1, data.many do
      perigee.send_to_room(data.room, { type = "published", data = text },
        { confirm = data.room:match "^kept" and i % 100 == 0 or nil })
      if i % 100 == 0 then perigee.sleep(0.001) end
    end
    return {}
  end,
  tell = function(_, data)
    perigee.send_to_user(data.to, { type = "told", data = data })
    return {}
  end,
}
