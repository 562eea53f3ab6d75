-- SPDX-License-Identifier: MIT
-- The server's half of the matrix of clients. The user's name begins with the
-- plan of the conversation. A client knows three things: it sends back what is
-- inside of a `field.say`, closes 1000 at a `field.bye`, and prints the rest.
local perigee = require "perigee"

-- On either side of what somebody may have thought a good limit.
local SIZES = {}
for power = 12, 24 do
  local size = 1 << power
  for _, near in ipairs { size - 1, size, size + 1 } do
    if near <= 1 << 24 then -- the most of `limits.send_bytes`
      SIZES[#SIZES + 1] = near
    end
  end
end

local PART = "0123456789é𝄞\u{2028}\"\\\n"
local TEXT = PART:rep(40000 // #PART)

local function say(client, message)
  client:send { type = "field.say", data = message }
end

-- The other half reads this.
local function log(event, client, more)
  local fields = { event = event, plan = client.user_id }
  for name, value in pairs(more or {}) do
    fields[name] = value
  end
  perigee.log.info(perigee.json.encode(fields))
end

-- A message of exactly so many bytes, and the question whether it came.
local function send_size(client)
  local size = SIZES[client.state.step]
  if not size then
    client:send { type = "field.bye" }
    return
  end
  local message = { type = "field.big", data = "" }
  message.data = ("x"):rep(size - #perigee.json.encode(message))
  client:send(message)
  say(client, { type = "field.next", data = size })
end

local plans = {
  talk = function(client)
    say(client, { type = "join", id = 1, data = { room = "field" } })
  end,
  sizes = function(client)
    client.state.step = 1
    send_size(client)
  end,
  shut = function(client)
    client:close(4321, "because of the field")
  end,
  wait = function() end,
}

return {
  ["@connect"] = function(client)
    log("connect", client)
    plans[client.user_id:match "^%a+"](client)
  end,

  ["@join"] = function(client)
    log("join", client)
    perigee.after(0.05, function()
      perigee.send_to_room("field", { type = "field.push" })
      say(client, { type = "field.text", id = 2, data = TEXT })
    end)
  end,

  ["field.text"] = function(client, data)
    log("text", client, { same = data == TEXT })
    perigee.after(0.05, function()
      client:send { type = "field.bye" }
    end)
    return data
  end,

  ["field.next"] = function(client, data)
    if data == SIZES[client.state.step] then
      log("size", client, { size = data })
      client.state.step = client.state.step + 1
      send_size(client)
    end
  end,

  ["@disconnect"] = function(client, reason)
    log("disconnect", client, { reason = reason })
  end,
}
