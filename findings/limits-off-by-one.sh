#!/bin/sh
# SPDX-License-Identifier: MIT
# aiohttp 3.8.4 with `max_msg_size=1000` takes 999 bytes, and libsoup 2.74
# with `max_incoming_payload_size=1000` as well; libsoup 3.2 takes 1000.
# Guess: a maximum is what is still allowed. (aiohttp even says that 1000
# exceeds the limit of 1000.) Who sizes messages by the client's limit loses it.
. "$(dirname "$0")/lib/findings.sh"
debian python3-aiohttp python3-gi gir1.2-soup-2.4 gir1.2-soup-3.0
cat >"$folder/client.py" <<'END'
import asyncio, sys
import aiohttp
async def main():
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(sys.argv[1], max_msg_size=1000)
        async for message in socket:
            print(message.data if message.type == aiohttp.WSMsgType.ERROR
                  else len(message.data))
asyncio.run(main())
END
cat >"$folder/soup.py" <<'END'
import sys
import gi
version, url = sys.argv[1:]
gi.require_version("Soup", version)
from gi.repository import GLib, Soup
loop = GLib.MainLoop()
def on_open(session, result):
    global socket
    socket = session.websocket_connect_finish(result)
    socket.set_max_incoming_payload_size(1000)
    socket.connect("message", lambda _, kind, data: print(data.get_size()))
    socket.connect("error", lambda _, error: print("too large"))
    socket.connect("closed", lambda _: loop.quit())
session = Soup.Session()
message = Soup.Message.new("GET", url)
more = [] if version == "2.4" else [0]
session.websocket_connect_async(message, None, None, *more, None, on_open)
loop.run()
END
websocket_server text=999 close=1000
/usr/bin/python3 "$folder/client.py" "$url" | expect aiohttp 999
websocket_server text=1000 close=1000
/usr/bin/python3 "$folder/client.py" "$url" |
  expect aiohttp 'Message size 1000 exceeds limit 1000'
for version in 2.4 3.0; do
  websocket_server text=999 text=1000 text=1001 close=1000
  /usr/bin/python3 "$folder/soup.py" $version "$url" | sort -u
done | expect 'libsoup 2.4, then 3.0' \
'999
too large
1000
999
too large'
