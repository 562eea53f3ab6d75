# SPDX-License-Identifier: MIT
# aiohttp: URL AUTH; with "deflate" in front it asks for compression
import asyncio, sys
import aiohttp

SAY = '{"type":"field.say","data":'


async def main(*argv):
    url, auth = argv[-2:]
    compress = 15 if argv[0] == "deflate" else 0
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(url, compress=compress)
        await socket.send_str(auth)
        async for message in socket:
            if message.type != aiohttp.WSMsgType.TEXT:
                print("error", message.type.name, message.data, flush=True)
                continue
            text = message.data
            print("got", len(text.encode()), flush=True)
            if text.startswith(SAY):
                await socket.send_str(text[len(SAY):-1])
            if text.startswith('{"type":"field.bye"'):
                await socket.close(code=1000)
        print("closed", socket.close_code, socket.exception() or "", flush=True)

asyncio.run(main(*sys.argv[1:]))
