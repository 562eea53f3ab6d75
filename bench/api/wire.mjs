// SPDX-License-Identifier: MIT
// Connections of the generator: receivers over WebSockets, and senders over
// WebSockets or HTTP. They do as little as they can.
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../servers/package.json', import.meta.url));
const { WebSocket } = require('ws');

export const SECRET = 'a-secret-of-the-benchmark-and-nothing-else';
export const KEY = 'a-key-of-the-benchmark-and-nothing-else-0';

const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function sign(user) {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const body = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64({ sub: user, exp })}`;
  return `${body}.${createHmac('sha256', SECRET).update(body).digest('base64url')}`;
}

// How a server is talked to over a WebSocket: what is sent first, what says that
// one is in, what must be answered at once, and how a message is sent.
const dialects = {
  json: {
    path: '/ws',
    hello: (user) => `{"type":"auth","data":{"token":"${sign(user)}"}}`,
    isIn: (text) => text.startsWith('{"type":"auth_ok"'),
    answer: (text) => text === '{"type":"ping"}' && '{"type":"pong"}',
    message: (to, data) => `{"type":"bench.user","data":{"to":"${to}","data":"${data}"}}`,
  },
  socketio: {
    path: '/socket.io/?EIO=4&transport=websocket',
    hello: (user) => `40{"token":"${sign(user)}"}`,
    isIn: (text) => text.startsWith('40'),
    answer: (text) => text === '2' && '3',
    message: (to, data) => `42["bench.user",{"to":"${to}","data":"${data}"}]`,
  },
};

// A logged-in client; `onMessage` is called for each bench.user.
export function openClient(server, user, onMessage) {
  const dialect = dialects[server.dialect];
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${dialect.path}`,
    { perMessageDeflate: false, skipUTF8Validation: true });
  const client = {
    send: (to, data) => socket.send(dialect.message(to, data)),
    close: () => socket.terminate(),
  };
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => socket.send(dialect.hello(user)));
    socket.on('message', (bytes) => {
      const text = bytes.toString('latin1');
      const answer = dialect.answer(text);
      if (answer) socket.send(answer);
      else if (text.includes('"bench.user"')) onMessage(user);
      else if (dialect.isIn(text)) resolve(client);
    });
  });
}

// One connection that stays, with one request at a time. `post` calls back with
// nothing when all of the answer is there, and throws if it is not 200.
export function openPoster(server, path) {
  const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${KEY}\r\n`
    + 'Content-Type: application/json\r\nContent-Length: ';
  let answered, seen = '';
  const socket = connect({ host: '127.0.0.1', port: server.apiPort, noDelay: true });
  socket.on('data', (bytes) => {
    seen += bytes.toString('latin1');
    const end = seen.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = /content-length: (\d+)/i.exec(seen);
    const whole = length ? seen.length >= end + 4 + Number(length[1])
      : seen.endsWith('\r\n0\r\n\r\n');
    if (!whole) return;
    if (!seen.startsWith('HTTP/1.1 200')) throw new Error(seen);
    seen = '';
    answered();
  });
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('connect', () => resolve({
      post: (body, then) => {
        answered = then;
        socket.write(`${head}${Buffer.byteLength(body)}\r\n\r\n${body}`);
      },
      close: () => socket.destroy(),
    }));
  });
}
