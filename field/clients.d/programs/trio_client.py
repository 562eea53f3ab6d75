# SPDX-License-Identifier: MIT
# trio-websocket: URL AUTH
import sys
import trio
from trio_websocket import ConnectionClosed, open_websocket_url

SAY = '{"type":"field.say","data":'


async def main(url, auth):
    async with open_websocket_url(url) as socket:
        await socket.send_message(auth)
        try:
            while True:
                text = await socket.get_message()
                print("got", len(text.encode()), flush=True)
                if text.startswith(SAY):
                    await socket.send_message(text[len(SAY):-1])
                if text.startswith('{"type":"field.bye"'):
                    await socket.aclose(1000)
        except ConnectionClosed as error:
            how = error.reason
            print("closed", how and int(how.code), how and how.reason,
                  flush=True)

trio.run(main, *sys.argv[1:])
