// SPDX-License-Identifier: MIT
// A small server that speaks the protocol and misbehaves on demand.

import { once } from 'node:events';
import { WebSocketServer } from 'ws';

const FACTS = { user: 'alice', conn: 'c1', ping_ms: 25000, pong_ms: 10000,
  max_message: 65536, proto: 1 };

/** By default every token but `bad` is alice's, and every request answered. */
const MANNERS = {
  auth: (conn, { token }) => (token === 'bad'
    ? conn.refuse('INVALID_TOKEN')
    : conn.send('auth_ok', FACTS)),
  pong: () => {},
  '*': (conn, { id, data }) => id && conn.send('reply', data, id),
};

class Conn {
  received = [];

  constructor(fake, socket) {
    this.socket = socket;
    this.fake = fake;
    socket.on('message', (bytes) => {
      const message = JSON.parse(bytes);
      if (fake.sessions?.isStale(this, message)) return;
      this.received.push(message);
      const { manners } = fake;
      const manner = manners[message.type] || manners['*'];
      manner(this, message.type === 'auth' ? message.data : message);
      fake.wake();
    });
  }

  send(type, data, id) {
    this.tell({ type, data, id });
  }

  /** Sends a whole envelope; in a session, what does not arrive comes later. */
  tell(message) {
    const { sessions } = this.fake;
    if (sessions) sessions.tell(this, message);
    else this.socket.send(JSON.stringify(message), () => {});
  }

  welcome(facts) {
    this.send('auth_ok', { ...FACTS, ...facts });
  }

  refuse(code, more, close = 4501) {
    this.send('auth_error', { code, message: code, ...more });
    this.socket.close(close, 'refused');
  }

  error(id, code, more) {
    this.send('error', { code, message: code, retry: false, ...more }, id);
  }

  close(code, reason) {
    this.socket.close(code, reason);
  }

  /** What came, by type. */
  heard(type) {
    return this.received.filter((message) => message.type === type);
  }
}

export class Fake {
  conns = []; // every connection so far, closed ones too
  #waiting = [];

  /** `manners`: what to do on a type, called with (conn, message). */
  static async start(manners = {}, options = {}) {
    const fake = new Fake();
    fake.manners = { ...MANNERS, ...manners };
    fake.server = new WebSocketServer({ port: 0, host: '127.0.0.1',
      ...options });
    fake.server.on('connection', (socket) => {
      fake.conns.push(new Conn(fake, socket));
      fake.wake();
    });
    await once(fake.server, 'listening');
    fake.port = fake.server.address().port;
    fake.url = `ws://127.0.0.1:${fake.port}/ws`;
    return fake;
  }

  get conn() {
    return this.conns.at(-1);
  }

  /** Resolves when `condition()`, looked at after everything that comes. */
  until(condition) {
    return new Promise((resolve) => {
      this.#waiting.push(() => condition() && (resolve(), true));
      this.wake();
    });
  }

  wake() {
    this.#waiting = this.#waiting.filter((look) => !look());
  }

  /** Every connection breaks without a close frame. */
  cut() {
    for (const { socket } of this.conns) socket.terminate();
  }

  async stop() {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }
}
