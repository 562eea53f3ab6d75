-- SPDX-License-Identifier: MIT
-- lua-http: URL AUTH
local websocket = require "http.websocket"

io.stdout:setvbuf "line"
local url, auth = arg[1], arg[2]
local SAY = '{"type":"field.say","data":'
local socket = websocket.new_from_uri(url)
assert(socket:connect(10))
assert(socket:send(auth))
while true do
  local text, why, errno = socket:receive()
  if not text then
    print("closed", socket.got_close_code, socket.got_close_message,
      why, errno)
    break
  end
  print("got " .. #text)
  if text:sub(1, #SAY) == SAY then
    socket:send(text:sub(#SAY + 1, -2))
  end
  if text:find('{"type":"field.bye"', 1, true) == 1 then
    socket:close(1000, "", 5)
  end
end
