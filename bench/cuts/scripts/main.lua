-- SPDX-License-Identifier: MIT
-- Handlers that number and log what they do. Each line of the trace is one
-- write to a file opened for appending, so that all workers and generations
-- share one order.
local perigee = require "perigee"

local file = assert(io.open(assert(os.getenv "CUTS_TRACE"), "a"))
file:setvbuf("full", 4096)

local function trace(...)
  file:write(table.concat({ ... }, " ") .. "\n")
  file:flush()
end

-- Every handler begins with this: the n-th message of this user.
local function handled(client, data)
  trace("h", client.id, client.user_id, data.n)
end

local function push(client, padding)
  local state = client.state
  state.pushed = (state.pushed or 0) + 1
  trace("p", client.id, state.pushed)
  client:send { type = "pushed", data = { k = state.pushed, pad = padding } }
end

return {
  -- Answers, perhaps after a while.
  count = function(client, data)
    handled(client, data)
    if data.wait then
      perigee.sleep(data.wait)
    end
    return { n = data.n }
  end,

  -- Sends so many messages to the client itself.
  push = function(client, data)
    handled(client, data)
    for _ = 1, data.many do
      push(client, data.pad)
      if data.wait then
        perigee.sleep(data.wait)
      end
    end
    return { n = data.n }
  end,

  -- Sends one to the client itself, after the answer.
  later = function(client, data)
    handled(client, data)
    perigee.after(data.wait, function()
      if client:is_open() then
        push(client)
      end
    end)
    return { n = data.n }
  end,

  -- Sends to another user.
  tell = function(client, data)
    handled(client, data)
    perigee.send_to_user(data.to, { type = "told", data = {
      from = client.user_id, s = data.s, n = data.n, pad = data.pad } })
    return { n = data.n }
  end,

  -- Sends to a room. With `once`, a repeat from a new session is not sent.
  say = function(client, data)
    handled(client, data)
    local _, seq = perigee.send_to_room(data.room, { type = "said", data = {
      from = client.user_id, s = data.s, n = data.n, key = data.key,
      pad = data.pad } }, { key = data.key,
      id = data.once and client.user_id .. ":" .. data.n or nil })
    if seq then
      trace("r", data.room, seq, client.user_id, data.n)
    end
    return { n = data.n, seq = seq }
  end,

  -- Loses a room's history, which its members are told.
  forget = function(client, data)
    handled(client, data)
    trace("f", data.room)
    perigee.forget(data.room)
    return { n = data.n }
  end,
}
