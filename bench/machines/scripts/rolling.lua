-- SPDX-License-Identifier: MIT
-- The handler of bench/machines/rolling.mjs.
local perigee = require "perigee"

return {
  ["@rooms"] = { ["kept:*"] = { history = { messages = 5000, seconds = 600 } } },
  say = function(_, data)
    local count, seq, text = perigee.send_to_room(data.room,
      { type = "said", data = data.id }, { id = data.id, confirm = true })
    if not count then return nil, seq, text end
    return { seq = seq }
  end,
}
