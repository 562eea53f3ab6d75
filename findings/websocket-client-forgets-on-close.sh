#!/bin/sh
# SPDX-License-Identifier: MIT
# Python's websocket-client 1.2.3: `on_close` is called when the server closes,
# but not after a `close()` of one's own.
# Guess: once for each connection, whoever ended it. What is cleaned up there
# is not.
. "$(dirname "$0")/lib/findings.sh"
debian python3-websocket
cat >"$folder/client.py" <<'END'
import sys
import websocket
def on_message(app, text):
    print("message", text)
    if sys.argv[2] == "client":
        app.close()
websocket.WebSocketApp(
    sys.argv[1], on_message=on_message,
    on_close=lambda app, code, reason: print("on_close", code, reason),
).run_forever()
print("over")
END
websocket_server text=hello close=4321,reason
/usr/bin/python3 "$folder/client.py" "$url" server | expect 'the server closes' \
'message hello
on_close 4321 reason
over'
websocket_server text=hello
/usr/bin/python3 "$folder/client.py" "$url" client | expect 'the client closes' \
'message hello
over'
