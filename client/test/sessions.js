// SPDX-License-Identifier: MIT
// The server's half of sessions, for the fake one: counts, keeps, repeats.

import { pair } from './kit.js';

const NOT_COUNTED = ['auth_ok', 'auth_error', 'ping', 'pong', 'goodbye'];

/** One session at a time: that is all a client has. */
export class Sessions {
  id = null;
  #ids = 0;
  #members = new Set(); // connections, past ones too
  #all = new WeakSet(); // and those of sessions that are lost

  /** Answers an `auth` that was accepted. */
  welcome(conn, { session: hello }, facts) {
    const isRefresh = conn === this.conn;
    if (!isRefresh) this.conn?.socket.terminate();
    this.conn = conn;
    this.#members.add(conn);
    this.#all.add(conn);
    if (isRefresh || !hello) return conn.welcome(facts);
    const session = { id: this.id, keep_ms: 30000, resumed: true };
    if (this.id && hello.id === this.id) {
      session.received = this.received;
      conn.welcome({ ...facts, session });
      this.#acknowledge(hello.received);
      for (const text of this.out) conn.socket.send(text);
      return undefined;
    }
    this.id = `session ${++this.#ids}`;
    Object.assign(this, { received: 0, acked: 0, out: [] });
    const resumed = hello.id ? { resumed: false } : {};
    return conn.welcome({ ...facts,
      session: { id: this.id, keep_ms: 30000, ...resumed } });
  }

  // What was said on a connection of the past may come late.
  #acknowledge(received) {
    this.out.splice(0, Math.max(0, received - this.acked));
    this.acked = Math.max(received, this.acked);
  }

  /** Counts a message; true if it came too late, on a connection of the past. */
  isStale(conn, { type, data }) {
    if (conn !== this.conn) return this.#all.has(conn);
    if (type === 'pong') {
      this.#acknowledge(data.received);
    } else if (type !== 'auth' && type !== 'ping') {
      this.received++;
    }
    return false;
  }

  /** Sends, through whatever connection the session has now. */
  tell(conn, message) {
    const text = JSON.stringify(message);
    const isCounted = !NOT_COUNTED.includes(message.type);
    const isOurs = this.id && isCounted && this.#members.has(conn);
    if (isOurs) this.out.push(text);
    // Who is gone gets it later.
    (isOurs ? this.conn : conn).socket.send(text, () => {});
  }

  /** The server has forgotten it. */
  lose() {
    this.id = null;
    this.#members.clear();
  }
}

/** As `pair`, with a server that has sessions. */
export async function sessionPair(t, { manners, facts, ...options } = {}) {
  const made = await pair(t, { manners: {
    auth: (conn, data) => conn.fake.sessions.welcome(conn, data, facts),
    ping: (conn, { id }) => conn.send('pong',
      { received: conn.fake.sessions.received }, id),
    ...manners }, ...options });
  const sessions = (made.fake.sessions = new Sessions());
  return { ...made, sessions };
}
