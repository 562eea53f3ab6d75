# SPDX-License-Identifier: MIT
# Godot 3's WebSocketClient: godot3-server -s godot.gd URL AUTH
extends SceneTree

const SAY = "{\"type\":\"field.say\",\"data\":"
var socket = WebSocketClient.new()
var done = false
var auth

func _initialize():
    var args = OS.get_cmdline_args()
    auth = args[args.size() - 1]
    socket.connect("connection_established", self, "_on_open")
    socket.connect("connection_error", self, "_on_error")
    socket.connect("connection_closed", self, "_on_closed")
    socket.connect("server_close_request", self, "_on_request")
    socket.connect("data_received", self, "_on_data")
    socket.connect_to_url(args[args.size() - 2])

func _idle(_delta):
    socket.poll()
    return done

func _send(text):
    var peer = socket.get_peer(1)
    peer.set_write_mode(WebSocketPeer.WRITE_MODE_TEXT)
    peer.put_packet(text.to_utf8())

func _on_open(_protocol):
    _send(auth)

func _on_error():
    print("error without a word")
    done = true

func _on_request(code, reason):
    print("closing ", code, " ", reason)

func _on_closed(was_clean):
    print("closed wasClean=", was_clean)
    done = true

func _on_data():
    var bytes = socket.get_peer(1).get_packet()
    print("got ", bytes.size())
    var text = bytes.get_string_from_utf8()
    if text.begins_with(SAY):
        _send(text.substr(SAY.length(), text.length() - SAY.length() - 1))
    if text.begins_with("{\"type\":\"field.bye\""):
        socket.disconnect_from_host(1000, "")
