// SPDX-License-Identifier: MIT
// What the handlers of `perigee bench` do, written with care on socket.io:
//
//   node socketio.mjs PORT SECRET [recovery]
//
// WebSocket only, nothing compressed; rooms and users are its rooms, whose
// adapter encodes a message once however many get it. With `recovery` what a
// client misses is kept for two minutes: its connection state recovery.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { userOf } from "./token.mjs";

const [port, secret, recovery] = process.argv.slice(2);
const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  maxHttpBufferSize: 65536,
  ...(recovery && {
    connectionStateRecovery: { maxDisconnectionDuration: 120000 },
  }),
});

// Its manual's advice for less memory: let go of the handshake's request.
io.engine.on("connection", (socket) => {
  socket.request = null;
});

io.use((socket, next) => {
  const user = userOf(socket.handshake.auth.token, secret);
  socket.data.user = user;
  next(user === null ? new Error("INVALID_TOKEN") : undefined);
});

io.on("connection", (socket) => {
  const { user } = socket.data;
  socket.join(`user:${user}`);
  socket.on("join", ({ room }, done) => {
    socket.join(`room:${room}`);
    done?.();
  });
  socket.on("leave", ({ room }, done) => {
    socket.leave(`room:${room}`);
    done?.();
  });
  socket.on("bench.echo", (data) => {
    socket.emit("bench.echo", data);
  });
  socket.on("bench.room", ({ room, data }) => {
    io.to(`room:${room}`).emit("bench.room", { room, from: user, data });
  });
  socket.on("bench.user", ({ to, data }) => {
    io.to(`user:${to}`).emit("bench.user", { from: user, data });
  });
});

http.listen({ port: Number(port), host: "127.0.0.1", backlog: 4096 });
