// SPDX-License-Identifier: MIT
// A client that asks and is answered, for measurements.
import { sign } from '../cuts/server.mjs';
import { Wire } from '../cuts/wire.mjs';

export class Caller {
  // Resolves when it is let in. `on` gets what is no answer.
  static connect(port, user, on = () => {}) {
    return new Promise((done, fail) => {
      const self = new Caller();
      self.waiting = new Map();
      self.n = 0;
      self.wire = new Wire(port, { on: {
        open: () => self.wire.send(JSON.stringify({ type: 'auth',
          data: { token: sign(user) } })),
        message: (text) => {
          const message = JSON.parse(text);
          if (message.type === 'auth_ok') done(self);
          else if (message.type === 'ping') self.wire.send('{"type":"pong"}');
          else if (message.id === undefined) on(message);
          else self.#answer(message);
        },
        closed: () => fail(new Error(`${user}: closed`)),
      } });
    });
  }

  #answer({ id, type, data }) {
    const { done, fail } = this.waiting.get(id);
    this.waiting.delete(id);
    if (type === 'error') fail(new Error(`${data.code} ${data.message || ''}`));
    else done(data);
  }

  request(type, data) {
    const id = ++this.n;
    this.wire.send(JSON.stringify({ type, id, data }));
    return new Promise((done, fail) => this.waiting.set(id, { done, fail }));
  }

  close() {
    this.wire.drop();
  }
}
