-- Rooms: who may join, who is here, who said what.
--
-- Joining and leaving are built in: {"type":"join","data":{"room":"lobby"}}.
-- What is said is kept for a while by the server: who comes later, or was away,
-- gets it. The server also tells everybody who comes and goes.

local perigee = require "perigee"
local words = require "lib.words"

local members_only = { vip = true }
local line = { from = "string", text = "string", at = "number" }

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

  -- A declaration: what does not fit the schema, or comes too often from one
  -- user, never gets here. So `data.room` needs no check. What goes out is
  -- declared, too: `perigee types` tells it to those who write the page.
  ["chat.send"] = {
    doc = "Says something in a room that one has joined.",
    schema = { room = "string", text = "string<=2000" },
    reply = { at = "number" },
    emits = { ["chat.message"] = line },
    handler = function(client, data)
      local text = words.trimmed(data.text)
      if not client:is_in(data.room) then
        return nil, "chat.not_joined", "Join the room first"
      elseif not text then
        return nil, "chat.bad_text", "Say something"
      end
      local said = { from = client.user_id, text = text, at = perigee.now() }
      tell(data.room, "chat.message", said)
      return { at = said.at }
    end,
  },

  ["chat.typing"] = {
    doc = "Shows the others in a room that one is writing.",
    schema = { room = "string" },
    rate = "2/s", burst = 5,
    emits = { ["chat.typing"] = { from = "string" } },
    handler = function(client, data)
      if client:is_in(data.room) then
        tell(data.room, "chat.typing", { from = client.user_id },
          { except = client, drop = true })
      end
    end,
  },
}
