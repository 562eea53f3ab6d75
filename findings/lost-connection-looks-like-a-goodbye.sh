#!/bin/sh
# SPDX-License-Identifier: MIT
# A connection that ends without a close frame: Qt 6.4 says 1000, tcllib 1.21
# says 1001, libsoup 3.2 says 0.
# Guess: 1006, the code that RFC 6455 (7.1.5) has for it. With Qt and tcllib a
# program that reconnects unless it was a proper goodbye never does.
. "$(dirname "$0")/lib/findings.sh"
debian python3-pyqt6.qtwebsockets tcl tcllib python3-gi gir1.2-soup-3.0
cat >"$folder/qt.py" <<'END'
import sys
from PyQt6.QtCore import QCoreApplication, QUrl
from PyQt6.QtWebSockets import QWebSocket
app = QCoreApplication([])
socket = QWebSocket()
def on_end():
    print(socket.closeCode().value)
    app.quit()
socket.disconnected.connect(on_end)
socket.open(QUrl(sys.argv[1]))
app.exec()
END
cat >"$folder/client.tcl" <<'END'
package require websocket
proc on_event {socket type text} {
  if {$type eq "close"} { puts $text }
  if {$type eq "disconnect"} { set ::done yes }
}
::websocket::open [lindex $argv 0] on_event
vwait done
END
cat >"$folder/soup.py" <<'END'
import sys
import gi
gi.require_version("Soup", "3.0")
from gi.repository import GLib, Soup
loop = GLib.MainLoop()
def on_end(socket):
    print(socket.get_close_code())
    loop.quit()
def on_open(session, result):
    global socket
    socket = session.websocket_connect_finish(result)
    socket.connect("closed", on_end)
session = Soup.Session()
session.websocket_connect_async(Soup.Message.new("GET", sys.argv[1]), None,
                                None, 0, None, on_open)
loop.run()
END
websocket_server text=hello eof
/usr/bin/python3 "$folder/qt.py" "$url" | expect 'Qt' 1000
websocket_server text=hello eof
tclsh "$folder/client.tcl" "$url" | grep -v '\[error\]' |
  expect tcllib '1001 {Endpoint going away}'
websocket_server text=hello eof
/usr/bin/python3 "$folder/soup.py" "$url" | expect libsoup 0
