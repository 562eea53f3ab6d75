-- What scripts ask about rooms.

local perigee = require "perigee"

local rooms = {}

-- Whether this connection has joined the room.
function rooms.has_joined(client, room)
  return type(room) == "string" and client:is_in(room)
end

-- Whether the user is in the room, with whatever device.
function rooms.has_user(room, user)
  for _, member in ipairs(perigee.members(room)) do
    if member == user then
      return true
    end
  end
  return false
end

return rooms
