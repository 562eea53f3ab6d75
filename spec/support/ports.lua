-- SPDX-License-Identifier: MIT
-- Ports for programs that cannot take one of the kernel's choice.
local socket = require "cqueues.socket"

local ports = {}

-- A port of 127.0.0.1 that nobody has now.
function ports.free()
  local listener = socket.listen("127.0.0.1", 0)
  listener:listen()
  local port = select(3, listener:localname())
  listener:close()
  return port
end

return ports
