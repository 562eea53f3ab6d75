-- SPDX-License-Identifier: MIT
-- Rooms of each kind; those whose names begin with `plain:` are none of them.
return {
  ["@rooms"] = {
    ["hist:*"] = { history = { messages = 1000, seconds = 600 } },
    ["tight:*"] = { history = { messages = 5, seconds = 600 } },
    ["latest:*"] = { latest = true, seconds = 600 },
    ["resync:*"] = { history = { messages = 1000, seconds = 600 },
      resync = true },
  },
}
