# SPDX-License-Identifier: MIT
# Autobahn on asyncio: URL AUTH
import asyncio, sys
from urllib.parse import urlsplit
from autobahn.asyncio.websocket import (WebSocketClientFactory,
                                        WebSocketClientProtocol)

SAY = '{"type":"field.say","data":'
url, auth = sys.argv[1:]
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)


class Client(WebSocketClientProtocol):
    def onOpen(self):
        self.sendMessage(auth.encode())

    def onMessage(self, data, is_binary):
        text = data.decode()
        print("got", len(data), flush=True)
        if text.startswith(SAY):
            self.sendMessage(text[len(SAY):-1].encode())
        if text.startswith('{"type":"field.bye"'):
            self.sendClose(1000)

    def onClose(self, clean, code, reason):
        print("closed", code, reason, "wasClean=%s" % clean, flush=True)
        loop.stop()


factory = WebSocketClientFactory(url)
factory.protocol = Client
address = urlsplit(url)
loop.run_until_complete(
    loop.create_connection(factory, address.hostname, address.port))
loop.run_forever()
