# SPDX-License-Identifier: MIT
# Tornado: URL AUTH; with "deflate" in front it asks for compression
import asyncio, sys
from tornado.websocket import websocket_connect

SAY = '{"type":"field.say","data":'


async def main(*argv):
    url, auth = argv[-2:]
    options = {} if argv[0] == "deflate" else None
    socket = await websocket_connect(url, compression_options=options)
    await socket.write_message(auth)
    while True:
        text = await socket.read_message()
        if text is None:
            break
        print("got", len(text.encode()), flush=True)
        if text.startswith(SAY):
            await socket.write_message(text[len(SAY):-1])
        if text.startswith('{"type":"field.bye"'):
            socket.close(1000)
    print("closed", socket.close_code, socket.close_reason, flush=True)

asyncio.run(main(*sys.argv[1:]))
