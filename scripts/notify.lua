-- One message to everybody, by those whose token says so.
--
--   perigee token --user ops --claim admin=true
--   {"type":"notify.all","id":1,"data":{"text":"Back in five minutes"}}

local perigee = require "perigee"
local words = require "lib.words"

return {
  ["notify.all"] = {
    doc = "Says something to everybody who is connected.",
    schema = { text = "string<=2000" },
    reply = { reached = "integer" },
    emits = { notify = { text = "string", at = "number" } },
    handler = function(client, data)
      local text = words.trimmed(data.text)
      if client.claims.admin ~= true then
        return nil, "notify.not_allowed", "Only admins may notify everybody"
      elseif not text then
        return nil, "notify.bad_text", "Say something"
      end
      local reached = perigee.broadcast {
        type = "notify", data = { text = text, at = perigee.now() },
      }
      perigee.log.info("notified everybody", {
        by = client.user_id, reached = reached,
      })
      return { reached = reached }
    end,
  },
}
