-- One message to everybody, by those whose token says so.
--
--   perigee token --user ops --claim admin=true
--   {"type":"notify.all","id":1,"data":{"text":"Back in five minutes"}}

local perigee = require "perigee"
local words = require "lib.words"

return {
  ["notify.all"] = function(client, data)
    if client.claims.admin ~= true then
      return nil, "notify.not_allowed", "Only admins may notify everybody"
    end
    local text = words.trimmed(data and data.text)
    if not text then
      return nil, "notify.bad_text", "Say something, in up to 2000 characters"
    end
    local reached = perigee.broadcast {
      type = "notify", data = { text = text, at = perigee.now() },
    }
    perigee.log.info("notified everybody", {
      by = client.user_id, reached = reached,
    })
    return { reached = reached }
  end,
}
