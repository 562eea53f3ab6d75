// SPDX-License-Identifier: MIT
// What the handlers of `perigee bench` do, written with care on npm's ws:
//
//   node ws.mjs PORT SECRET
//
// Rooms and users are indexed, a message is made into bytes once however many
// get it, nothing is compressed, one timer asks all clients whether they live.
import { WebSocketServer } from "ws";
import { userOf } from "./token.mjs";

const HEARTBEAT_MS = 25000;
const AUTH_MS = 10000;

const [port, secret] = process.argv.slice(2);
const rooms = new Map(); // name -> Set of clients
const users = new Map(); // id -> Set of clients
const clients = new Set();

class Client {
  user = null;
  rooms = new Set();
  alive = true;

  constructor(socket) {
    this.socket = socket;
    this.deadline = setTimeout(() => socket.close(4006), AUTH_MS);
  }

  send(message) {
    this.socket.send(JSON.stringify(message));
  }
}

function add(index, name, client) {
  const set = index.get(name);
  if (set) set.add(client);
  else index.set(name, new Set([client]));
}

function remove(index, name, client) {
  const set = index.get(name);
  if (set?.delete(client) && set.size === 0) index.delete(name);
}

function publish(index, name, message) {
  const set = index.get(name);
  if (!set) return;
  const bytes = Buffer.from(JSON.stringify(message));
  for (const client of set) client.socket.send(bytes, { binary: false });
}

const handlers = {
  pong() {},

  join(client, { room }, id) {
    client.rooms.add(room);
    add(rooms, room, client);
    if (id !== undefined) client.send({ type: "reply", id });
  },

  leave(client, { room }, id) {
    client.rooms.delete(room);
    remove(rooms, room, client);
    if (id !== undefined) client.send({ type: "reply", id });
  },

  "bench.echo"(client, data, id) {
    client.send({ type: "reply", id, data });
  },

  "bench.room"(client, { room, data }, id) {
    publish(rooms, room, {
      type: "bench.room",
      room,
      data: { room, from: client.user, data },
    });
    if (id !== undefined) client.send({ type: "reply", id });
  },

  "bench.user"(client, { to, data }, id) {
    publish(users, to, {
      type: "bench.user",
      data: { from: client.user, data },
    });
    if (id !== undefined) client.send({ type: "reply", id });
  },
};

function authenticate(client, { type, data }) {
  const user = type === "auth" ? userOf(data?.token, secret) : null;
  if (user === null) {
    client.send({ type: "auth_error", data: { code: "INVALID_TOKEN" } });
    client.socket.close(4501);
    return;
  }
  clearTimeout(client.deadline);
  client.deadline = null;
  client.user = user;
  add(users, user, client);
  client.send({ type: "auth_ok", data: { user } });
}

function receive(client, bytes) {
  client.alive = true;
  let message;
  try {
    message = JSON.parse(bytes) ?? {};
  } catch {
    client.socket.close(4500);
    return;
  }
  if (client.user === null) authenticate(client, message);
  else if (Object.hasOwn(handlers, message.type))
    handlers[message.type](client, message.data ?? {}, message.id);
}

function leave(client) {
  clearTimeout(client.deadline);
  clients.delete(client);
  for (const room of client.rooms) remove(rooms, room, client);
  if (client.user !== null) remove(users, client.user, client);
}

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(port),
  backlog: 4096,
  path: "/ws",
  perMessageDeflate: false,
  clientTracking: false, // has its own
  maxPayload: 65536,
});

server.on("connection", (socket) => {
  const client = new Client(socket);
  clients.add(client);
  socket.on("message", (bytes) => receive(client, bytes));
  socket.on("close", () => leave(client));
  socket.on("error", () => {}); // a close follows
});

setInterval(() => {
  const bytes = Buffer.from('{"type":"ping"}');
  for (const client of clients) {
    if (!client.alive) {
      client.socket.terminate();
      continue;
    }
    client.alive = false;
    client.socket.send(bytes, { binary: false });
  }
}, HEARTBEAT_MS);
