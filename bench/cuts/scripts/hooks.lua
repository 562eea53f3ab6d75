-- SPDX-License-Identifier: MIT
-- Logs the life of each connection.
local file = assert(io.open(assert(os.getenv "CUTS_TRACE"), "a"))
file:setvbuf("full", 4096)

local function logger(what)
  return function(client, reason)
    file:write(("%s %s %s %s\n"):format(what, client.id, client.user_id,
      type(reason) == "string" and reason or "-"))
    file:flush()
  end
end

return {
  ["@connect"] = logger "connect",
  ["@away"] = logger "away",
  ["@back"] = logger "back",
  ["@disconnect"] = logger "disconnect",
}
