-- Rooms: who may join, who is here, who said what.
--
-- Joining and leaving are built in: {"type":"join","data":{"room":"lobby"}}.
-- What is said is kept for a while by the server: who comes later, or was away,
-- gets it. The server also tells everybody who comes and goes.

local perigee = require "perigee"
local rooms = require "lib.rooms"
local words = require "lib.words"

local members_only = { vip = true }

local function tell(room, type, data, opts)
  perigee.send_to_room(room, { type = type, data = data }, opts)
end

return {
  -- What is kept of rooms, by their names or what these begin with; here of all.
  ["@rooms"] = {
    ["*"] = {
      history = { messages = 200, seconds = 3600 },
      presence = true,
    },
  },

  -- Before a join. `nil, code, text` refuses; a table is the reply's data.
  ["@join"] = function(client, room)
    if members_only[room] and not client.claims.member then
      return nil, "chat.members_only", "This room is for members"
    end
  end,

  ["chat.send"] = function(client, data)
    local room, text = data and data.room, words.trimmed(data and data.text)
    if not rooms.has_joined(client, room) then
      return nil, "chat.not_joined", "Join the room first"
    elseif not text then
      return nil, "chat.bad_text", "Say something, in up to 2000 characters"
    end
    local line = { from = client.user_id, text = text, at = perigee.now() }
    tell(room, "chat.message", line)
    return { at = line.at }
  end,

  -- A declaration: what does not fit the schema, or comes too often from one
  -- user, never gets here. So `data.room` needs no check.
  ["chat.typing"] = {
    schema = { room = "string" },
    rate = "2/s", burst = 5,
    handler = function(client, data)
      if rooms.has_joined(client, data.room) then
        tell(data.room, "chat.typing", { from = client.user_id },
          { except = client, drop = true })
      end
    end,
  },
}
