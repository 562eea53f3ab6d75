-- SPDX-License-Identifier: MIT
-- Keeps a worker busy for as long as a spec wants: its handler reads from a
-- pipe that nobody writes to. No budget ends that, as no Lua runs.
local fifo = {}

-- A script with the handler `block`.
fifo.script = [[return { block = function(_, path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end }]]

-- Makes `client` call `block`; returns a function that lets it go on, once.
function fifo.block(server, client)
  local path = server.dir .. "/fifo"
  os.remove(path)
  assert(os.execute("mkfifo '" .. path .. "'"))
  client:send("block", path)
  -- Opens when the handler has opened its end: it is blocked from then on.
  local writer = assert(io.open(path, "w"))
  return function()
    if io.type(writer) == "file" then writer:close() end
  end
end

return fifo
