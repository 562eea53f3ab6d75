# SPDX-License-Identifier: MIT
"""A WebSocket server for one client: server.py PORT_FILE STEP…

It answers the handshake by RFC 6455 and does one step after the other:
text=SIZE (or text=WORDS), close=CODE[,REASON], eof, reset, deflate (agrees on
permessage-deflate without contexts) and request (prints its line), each of
which must be the first step; read=N (waits for so many messages). Then it reads until the client is gone, and prints each
frame that it got. Standard library only, so that no other code is in doubt.
"""
import base64, hashlib, os, socket, struct, sys, zlib

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
NAMES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping",
         10: "pong"}


def frame(opcode, payload):
    n = len(payload)
    if n < 126:
        head = struct.pack("!BB", 128 | opcode, n)
    elif n < 65536:
        head = struct.pack("!BBH", 128 | opcode, 126, n)
    else:
        head = struct.pack("!BBQ", 128 | opcode, 127, n)
    return head + payload


class Peer:
    def __init__(self, connection, steps):
        self.connection = connection
        self.stream = connection.makefile("rb")
        self.steps = steps

    def handshake(self):
        headers = {}
        request = self.stream.readline().strip().decode()
        if self.steps and self.steps[0] == "request":
            self.steps.pop(0)
            print(request)
        while (line := self.stream.readline().strip()):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        digest = hashlib.sha1((headers["sec-websocket-key"] + GUID).encode())
        answer = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket",
                  "Connection: Upgrade", "Sec-WebSocket-Accept: "
                  + base64.b64encode(digest.digest()).decode()]
        if self.steps and self.steps[0] == "deflate":
            self.steps.pop(0)
            print("offer:", headers.get("sec-websocket-extensions"))
            answer.append("Sec-WebSocket-Extensions: permessage-deflate; "
                          "server_no_context_takeover; "
                          "client_no_context_takeover")
        self.connection.sendall("\r\n".join(answer + ["", ""]).encode())

    def read(self):
        """Prints a frame and returns its opcode; None: the client is gone."""
        try:
            head = self.stream.read(2)
            if len(head) < 2:
                return None
            n = head[1] & 127
            if n == 126:
                n = struct.unpack("!H", self.stream.read(2))[0]
            elif n == 127:
                n = struct.unpack("!Q", self.stream.read(8))[0]
            mask = self.stream.read(4) if head[1] & 128 else bytes(4)
            payload = bytes(b ^ mask[i & 3] for i, b in
                            enumerate(self.stream.read(n)))
        except OSError:
            return None
        self.tell(head, payload)
        return head[0] & 15

    def tell(self, head, payload):
        words = [NAMES[head[0] & 15]]
        if not head[1] & 128:
            words.append("NOT MASKED")
        if not head[0] & 128:
            words.append("to be continued")
        if head[0] & 64:
            words.append("compressed")
            try:
                inflate = zlib.decompressobj(-15)
                payload = inflate.decompress(payload + b"\0\0\xff\xff")
            except zlib.error:
                print(*words, "not to be inflated by itself", flush=True)
                return
        if head[0] & 15 == 8:
            code = struct.unpack("!H", payload[:2])[0] if payload else "none"
            words.append("code %s" % code)
        elif head[0] & 15 in (0, 1, 2):
            words.append("%d bytes" % len(payload))
        print(*words, flush=True)

    def step(self, name, _, value):
        if name == "text":
            text = b"x" * int(value) if value.isdigit() else value.encode()
            self.connection.sendall(frame(1, text))
        elif name == "close":
            code, _, reason = value.partition(",")
            self.connection.sendall(
                frame(8, struct.pack("!H", int(code)) + reason.encode()))
        elif name == "eof":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif name == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.stream.close()
            self.connection.close()
            sys.exit()
        elif name == "read":
            for _ in range(int(value)):
                self.read()


def main(port_file, *steps):
    listener = socket.create_server(("127.0.0.1", 0))
    with open(port_file + ".new", "w") as file:
        file.write(str(listener.getsockname()[1]))
    os.rename(port_file + ".new", port_file)
    peer = Peer(listener.accept()[0], list(steps))
    peer.handshake()
    for step in peer.steps:
        peer.step(*step.partition("="))
    while (opcode := peer.read()) is not None:
        if opcode == 8:
            break


main(*sys.argv[1:])
