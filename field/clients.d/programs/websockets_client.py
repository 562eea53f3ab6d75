# SPDX-License-Identifier: MIT
# websockets, asyncio: URL AUTH
import asyncio, sys
import websockets

SAY = '{"type":"field.say","data":'


async def main(url, auth):
    socket = await websockets.connect(url)
    await socket.send(auth)
    try:
        while True:
            text = await socket.recv()
            print("got", len(text.encode()), flush=True)
            if text.startswith(SAY):
                await socket.send(text[len(SAY):-1])
            if text.startswith('{"type":"field.bye"'):
                await socket.close(1000)
    except Exception as error:
        print("closed", getattr(error, "code", None), type(error).__name__,
              error, flush=True)

asyncio.run(main(*sys.argv[1:]))
