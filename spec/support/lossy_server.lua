-- SPDX-License-Identifier: MIT
-- The program behind spec.support.lossy: passes on what goes between machines
-- and a Redis. Arguments: its own socket, that of Redis, and a folder in which
-- files say what is to happen:
--
--   lose   a pattern: of the next command that has it the answer is lost, with
--          its connection; then this file goes, and `cut` is there
--   cut    nobody is let through
for _, version in ipairs { "5.3", "5.2", "5.1" } do
  package.path = package.path .. (";/usr/share/lua/%s/?.lua"):format(version)
end

local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local own, redis, folder = table.unpack(arg)
local loop = cqueues.new()
local pairs_of = {}

local function read_file(name)
  local file <close> = io.open(folder .. "/" .. name)
  return file and file:read "a"
end

local function end_all()
  for pair in pairs(pairs_of) do
    pair.near:shutdown()
    pair.far:shutdown()
  end
end

local function is_to_be_lost(bytes)
  local pattern = read_file "lose"
  return pattern and bytes:find(pattern)
end

local function pass_up(pair)
  for bytes in function() return pair.near:read(-65536) end do
    pair.is_lost = pair.is_lost or is_to_be_lost(bytes)
    pair.far:write(bytes)
  end
  pair.far:shutdown "w"
end

-- What is lost was answered first: so it is done.
local function pass_down(pair)
  for bytes in function() return pair.far:read(-65536) end do
    if pair.is_lost then break end
    pair.near:write(bytes)
  end
  if pair.is_lost then
    io.open(folder .. "/cut", "w"):close()
    os.remove(folder .. "/lose")
    end_all()
  end
  pair.near:shutdown()
end

local function serve(near)
  local far = not read_file "cut" and socket.connect { path = redis }
  if not far then return near:close() end
  local pair = { near = near, far = far }
  for _, one in ipairs { near, far } do
    one:setmode("bn", "bn")
    one:onerror(function(_, _, why) return why end)
  end
  pairs_of[pair] = true
  loop:wrap(pass_up, pair)
  pass_down(pair)
  pairs_of[pair] = nil
end

local listener = socket.listen { path = own, unlink = true, mode = "0600" }
assert(listener:listen())
print "ready"
io.stdout:flush()
loop:wrap(function()
  for near in listener:clients() do loop:wrap(serve, near) end
end)
-- Those who are there are sent away when nobody is let through any more.
loop:wrap(function()
  while true do
    cqueues.sleep(0.01)
    if read_file "cut" then end_all() end
  end
end)
assert(loop:loop())
