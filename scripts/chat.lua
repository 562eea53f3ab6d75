-- Rooms: who may join, who is here, who said what.
--
-- Joining and leaving are built in: {"type":"join","data":{"room":"lobby"}}.
-- The hooks below see it happen; the handlers are the chat itself.

local perigee = require "perigee"
local words = require "lib.words"

local members_only = { vip = true }
local recent = {} -- room name → its last lines; for the newcomer

local function remember(room, line)
  local lines = recent[room] or {}
  lines[#lines + 1] = line
  if #lines > 20 then
    table.remove(lines, 1)
  end
  recent[room] = lines
end

return {
  -- Before a join. `nil, code, text` refuses; a table is the reply's data.
  ["@join"] = function(client, room)
    if members_only[room] and not client.claims.member then
      return nil, "chat.members_only", "This room is for members"
    end
    perigee.send_to_room(room, {
      type = "chat.joined", data = { user = client.user_id },
    })
    return {
      members = perigee.members(room),
      recent = perigee.json.array(recent[room]),
    }
  end,

  -- After a leave, also when the connection was lost.
  ["@leave"] = function(client, room)
    perigee.send_to_room(room, {
      type = "chat.left", data = { user = client.user_id },
    })
    if #perigee.members(room) == 0 then
      recent[room] = nil
    end
  end,

  ["chat.send"] = function(client, data)
    local text = words.trimmed(data and data.text, 2000)
    if not text then
      return nil, "chat.bad_text", "Say something, in up to 2000 characters"
    end
    local line = { from = client.user_id, text = text, at = perigee.now() }
    remember(data.room, line)
    perigee.send_to_room(data.room, { type = "chat.message", data = line })
    return { at = line.at }
  end,

  ["chat.typing"] = function(client, data)
    perigee.send_to_room(data.room, {
      type = "chat.typing", data = { from = client.user_id },
    }, { except = client, drop = true })
  end,

  -- What is not said is lost on a reload; this hands it to the next load.
  ["@stop"] = function()
    return recent
  end,

  ["@start"] = function(previous)
    recent = previous or {}
  end,
}
