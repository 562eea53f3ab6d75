-- SPDX-License-Identifier: MIT
-- The handlers of bench/machines/faults.mjs. Who comes and goes is written to
-- one file by all machines, each line at once.
local perigee = require "perigee"

local file = assert(io.open(assert(os.getenv "FAULTS_TRACE"), "a"))
file:setvbuf("full", 4096)
local machine = os.getenv "FAULTS_MACHINE"

local function trace(what)
  return function(user)
    file:write(("%s %s %s\n"):format(what, user, machine))
    file:flush()
  end
end

return {
  ["@rooms"] = {
    ["chat:*"] = { history = { messages = 2000, seconds = 600 }, presence = true },
    ["tight:*"] = { history = { messages = 20, seconds = 600 } },
  },
  ["@online"] = trace "on",
  ["@offline"] = trace "off",

  -- To a room: answers with its number there, or UNAVAILABLE.
  say = function(client, data)
    local numbered = not data.room:match "^plain"
    local count, seq, text = perigee.send_to_room(data.room,
      { type = "said", data = { from = client.user_id, n = data.n, s = data.s } },
      { id = data.id, confirm = numbered or nil })
    if not count then return nil, seq, text end
    return { seq = seq }
  end,

  -- To all connections of a user.
  tell = function(client, data)
    perigee.send_to_user(data.to, { type = "told",
      data = { from = client.user_id, n = data.n, s = data.s } })
    return {}
  end,

  -- Who is in a room, for this machine.
  who = function(_, data)
    local list, code, text = perigee.presence(data.room)
    if not list then return nil, code, text end
    local users = {}
    for _, one in ipairs(list) do users[one.user] = one.devices end
    return { users = users }
  end,
}
