-- What scripts ask about rooms.

local rooms = {}

-- Whether this connection has joined the room.
function rooms.has_joined(client, room)
  return type(room) == "string" and client:is_in(room)
end

return rooms
