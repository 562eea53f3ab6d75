# SPDX-License-Identifier: MIT
# libsoup through its introspection: 2.4|3.0 URL AUTH
import sys
import gi

version, url, auth = sys.argv[1:]
gi.require_version("Soup", version)
from gi.repository import GLib, Soup

SAY = '{"type":"field.say","data":'
loop = GLib.MainLoop()


def on_text(socket, kind, data):
    text = data.get_data().decode()
    print("got", len(data.get_data()), flush=True)
    if text.startswith(SAY):
        socket.send_text(text[len(SAY):-1])
    if text.startswith('{"type":"field.bye"'):
        socket.close(1000, None)


def on_closed(socket):
    print("closed", socket.get_close_code(), socket.get_close_data(),
          flush=True)
    loop.quit()


def on_open(session, result):
    global keep
    keep = socket = session.websocket_connect_finish(result)
    socket.connect("message", on_text)
    socket.connect("closed", on_closed)
    socket.connect("error", lambda _, error: print(
        "error", error.message, flush=True))
    socket.send_text(auth)


session = Soup.Session()
message = Soup.Message.new("GET", url)
more = [None] if version == "2.4" else [None, 0, None]
session.websocket_connect_async(
    message, None, *(more[:1] if version == "2.4" else more[:2]),
    None, on_open)
loop.run()
