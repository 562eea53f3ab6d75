# SPDX-License-Identifier: MIT
# ws4py, threaded: URL AUTH
import sys
from ws4py.client.threadedclient import WebSocketClient

SAY = '{"type":"field.say","data":'
url, auth = sys.argv[1:]


class Client(WebSocketClient):
    def opened(self):
        self.send(auth)

    def received_message(self, message):
        text = str(message)
        print("got", len(text.encode()), flush=True)
        if text.startswith(SAY):
            self.send(text[len(SAY):-1])
        if text.startswith('{"type":"field.bye"'):
            self.close(1000)

    def closed(self, code, reason=None):
        print("closed", code, reason, flush=True)


client = Client(url)
client.connect()
client.run_forever()
