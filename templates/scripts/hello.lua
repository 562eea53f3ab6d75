-- A script is a file that returns its handlers, keyed by message type. While
-- `perigee dev` runs, save it: the next message meets the new code, and every
-- connection stays.

local perigee = require "perigee"

local room = perigee.config.room or "lobby" -- see perigee.cfg.lua

return {
  -- What is said in the room is kept for an hour: a client that was away hears
  -- what it has missed, and a `history` message asks for more.
  ["@rooms"] = {
    [room] = { history = { messages = 100, seconds = 3600 } },
  },

  -- A client sends {"type":"hello.say","id":1,"data":{"text":"hi"}}. What does
  -- not fit the schema never gets here. What is answered and sent is declared,
  -- too: `perigee types` makes types/api.d.ts of it, for the page.
  ["hello.say"] = {
    doc = "Says something to everybody.",
    schema = { text = "string<=2000" },
    reply = { reached = "integer" },
    emits = { ["hello.said"] = { from = "string", text = "string" } },
    handler = function(client, data)
      -- `nil, code, text` is answered as an error; give your codes a dot.
      if data.text == "" then
        return nil, "hello.no_text", "Say something"
      end

      local reached = perigee.send_to_room(room, {
        type = "hello.said",
        data = { from = client.user_id, text = data.text },
      })
      -- The backend hears of it, if there is one (events.url).
      perigee.emit("hello.said", { text = data.text }, { user = client.user_id })
      return { reached = reached } -- the reply to a message that has an id
    end,
  },

  -- Plain HTTP on the same port, for pages, webhooks and other programs:
  -- curl http://127.0.0.1:8080/hello
  ["@http GET /hello"] = {
    doc = "How many are here.",
    reply = { here = "integer" },
    handler = function()
      return { here = perigee.count(room) }
    end,
  },

  -- Other keys with an @ are hooks: this one runs when somebody has logged in.
  ["@connect"] = function(client)
    client:join(room)
  end,
}
