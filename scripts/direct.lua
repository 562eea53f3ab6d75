-- From one user to another, on all of their devices.
--
--   {"type":"direct.send","id":1,"data":{"to":"bob","text":"hi"}}

local perigee = require "perigee"
local words = require "lib.words"

return {
  ["direct.send"] = {
    doc = "Says something to a user, on all devices.",
    schema = { to = "string", text = "string<=2000" },
    reply = { at = "number", devices = "integer>=1" },
    emits = {
      ["direct.message"] = { from = "string", text = "string", at = "number" },
      ["direct.sent"] =
        { from = "string", to = "string", text = "string", at = "number" },
    },
    handler = function(client, data)
      local text = words.trimmed(data.text)
      if not text then
        return nil, "direct.bad_text", "Say something"
      end
      local line = { from = client.user_id, text = text, at = perigee.now() }
      local devices = perigee.send_to_user(data.to, {
        type = "direct.message", data = line,
      })
      if devices == 0 then
        return nil, "direct.offline", data.to .. " is not online"
      end
      -- The sender's other devices show what was said from this one.
      line.to = data.to
      perigee.send_to_user(client.user_id, {
        type = "direct.sent", data = line,
      }, { except = client })
      return { at = line.at, devices = devices }
    end,
  },
}
