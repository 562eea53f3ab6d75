-- SPDX-License-Identifier: MIT
-- Logs when users come and go.
local file = assert(io.open(assert(os.getenv "CUTS_TRACE"), "a"))
file:setvbuf("full", 4096)

local function logger(what)
  return function(user)
    file:write(what, " ", user, "\n")
    file:flush()
  end
end

return {
  ["@online"] = logger "online",
  ["@offline"] = logger "offline",
}
