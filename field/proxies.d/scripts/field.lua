-- SPDX-License-Identifier: MIT
-- The server's half of the matrix of proxies.
local perigee = require "perigee"

return {
  whoami = function(client)
    return { ip = client.ip, host = client.headers.host }
  end,

  echo = function(_, data)
    return data
  end,

  leave_me = function(client)
    client:close(4321, "because of the field")
  end,

  -- More than a slow client may leave lying about.
  flood = function(client)
    local data = ("x"):rep(65536)
    perigee.spawn(function()
      while client:send { type = "flood", data = data } do
        perigee.sleep(0.001)
      end
    end)
  end,
}
