// SPDX-License-Identifier: MIT
// What the handlers of `perigee bench` do, written with care on socket.io:
//
//   node socketio.mjs PORT SECRET [recovery]
//
// A backend sends to a user with POST /send and the key BENCH_KEY. WebSocket only,
// nothing compressed; rooms and users are its rooms, whose
// adapter encodes a message once however many get it. With `recovery` what a
// client misses is kept for two minutes: its connection state recovery. With
// ADAPTER (redis, sharded, streams) several of these are one, on the Redis at
// REDIS_URL.
import { timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { Server } from "socket.io";
import { userOf } from "./token.mjs";

const [port, secret, recovery] = process.argv.slice(2);
const http = createServer(onRequest);
http.keepAliveTimeout = 75000;

async function adapterOf(kind, url) {
  if (!kind) return undefined;
  const { createClient } = await import("redis");
  const client = createClient({ url });
  await client.connect();
  if (kind === "streams") {
    const { createAdapter } = await import("@socket.io/redis-streams-adapter");
    return createAdapter(client);
  }
  const { createAdapter, createShardedAdapter } = await import("@socket.io/redis-adapter");
  const subscriber = client.duplicate();
  await subscriber.connect();
  const create = kind === "sharded" ? createShardedAdapter : createAdapter;
  return create(client, subscriber);
}

const adapter = await adapterOf(process.env.ADAPTER, process.env.REDIS_URL);
const io = new Server(http, {
  ...(adapter && { adapter }),
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

const key = Buffer.from(`Bearer ${process.env.BENCH_KEY}`);

function mayAsk(request) {
  const given = Buffer.from(request.headers.authorization ?? "");
  return given.length === key.length && timingSafeEqual(given, key);
}

function answer(response, status, value) {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(body);
}

function send(response, body) {
  let call;
  try {
    call = JSON.parse(body);
  } catch {
    return answer(response, 400, { code: "BAD_JSON" });
  }
  const { user, message } = call;
  if (typeof user !== "string" || typeof message?.type !== "string")
    return answer(response, 400, { code: "BAD_REQUEST" });
  const room = `user:${user}`;
  io.to(room).emit(message.type, message.data);
  const receivers = io.sockets.adapter.rooms.get(room)?.size ?? 0;
  return answer(response, 200, { receivers });
}

// What engine.io does not take.
function onRequest(request, response) {
  if (request.method !== "POST" || request.url !== "/send")
    return answer(response, 404, { code: "NOT_FOUND" });
  if (!mayAsk(request)) return answer(response, 401, { code: "UNAUTHENTICATED" });
  const parts = [];
  let size = 0;
  request.on("data", (part) => {
    size += part.length;
    if (size <= 1 << 20) parts.push(part);
    else request.destroy();
  });
  request.on("end", () => send(response, Buffer.concat(parts)));
}

http.listen({ port: Number(port), host: "127.0.0.1", backlog: 4096 });
