-- SPDX-License-Identifier: MIT
-- Two clients in one Lua state, also with several workers: what a script keeps
-- in a variable, and what it learns at once, is its worker's. The scripts have
-- a handler `where` that returns perigee.worker.

-- Connects `user` to the worker that `client` is on.
return function(server, client, user)
  local worker = client:request "where"
  while true do -- the kernel spreads connections
    local other = server:connect { user = user }
    if other:request "where" == worker then
      return other
    end
    other:close()
  end
end
