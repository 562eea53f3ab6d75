# SPDX-License-Identifier: MIT
# websocket-client, WebSocketApp: URL AUTH
import sys
import websocket

SAY = '{"type":"field.say","data":'
url, auth = sys.argv[1:]


def on_message(app, text):
    print("got", len(text.encode()), flush=True)
    if text.startswith(SAY):
        app.send(text[len(SAY):-1])
    if text.startswith('{"type":"field.bye"'):
        app.close(status=1000)


websocket.WebSocketApp(
    url, on_open=lambda app: app.send(auth), on_message=on_message,
    on_error=lambda app, error: print("error", error, flush=True),
    on_close=lambda app, *how: print("closed", *how, flush=True),
).run_forever()
