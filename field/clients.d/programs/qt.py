# SPDX-License-Identifier: MIT
# Qt's QWebSocket through PyQt: 5|6 URL AUTH
import sys

version, url, auth = sys.argv[1:]
if version == "5":
    from PyQt5.QtCore import QCoreApplication, QUrl
    from PyQt5.QtWebSockets import QWebSocket
else:
    from PyQt6.QtCore import QCoreApplication, QUrl
    from PyQt6.QtWebSockets import QWebSocket
SAY = '{"type":"field.say","data":'
app = QCoreApplication([])
socket = QWebSocket()


def on_text(text):
    print("got", len(text.encode()), flush=True)
    if text.startswith(SAY):
        socket.sendTextMessage(text[len(SAY):-1])
    if text.startswith('{"type":"field.bye"'):
        socket.close()


def on_closed():
    code = socket.closeCode()
    print("closed", getattr(code, "value", code), socket.closeReason(),
          flush=True)
    app.quit()


def on_error(_):
    print("error", socket.errorString(), flush=True)


socket.connected.connect(lambda: socket.sendTextMessage(auth))
socket.textMessageReceived.connect(on_text)
socket.disconnected.connect(on_closed)
getattr(socket, "errorOccurred", socket.error).connect(on_error)
socket.open(QUrl(url))
getattr(app, "exec_", app.exec)()
