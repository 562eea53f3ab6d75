// SPDX-License-Identifier: MIT
// Questions that wait for an answer with the same id.

import { PerigeeError, fromServer } from './codes.js';

export class Requests {
  #timers;
  #unsend;
  #waiting = new Map(); // id → { resolve, fail }

  /** `unsend(id)` takes a message back; true if it had not been sent yet. */
  constructor(timers, unsend) {
    this.#timers = timers;
    this.#unsend = unsend;
  }

  /** A promise for the answer to `id`; `timeout` in ms, 0 for none. */
  wait(id, timeout, signal) {
    return new Promise((resolve, reject) => {
      const abort = () => this.fail(id, 'ABORTED', { cause: signal.reason });
      const settle = (how) => (value) => {
        this.#waiting.delete(id);
        this.#timers.clear(id);
        signal?.removeEventListener('abort', abort);
        how(value);
      };
      this.#waiting.set(id, { resolve: settle(resolve), fail: settle(reject) });
      signal?.addEventListener('abort', abort);
      if (timeout) {
        this.#timers.set(id, timeout,
          () => this.fail(id, 'TIMEOUT', { retry: true }));
      }
    });
  }

  /** Takes a `reply`, `pong` or `error`; one that comes too late is nobody's. */
  answer({ type, id, data }) {
    const request = this.#waiting.get(id);
    if (type === 'error') request?.fail(fromServer(data));
    else request?.resolve(data);
  }

  fail(id, code, more) {
    const sent = !this.#unsend(id);
    this.#waiting.get(id)?.fail(new PerigeeError(code, sent, more));
  }

  /** Fails what was sent and not answered; what `isQueued(id)` waits on. */
  disconnected(isQueued) {
    for (const id of this.#waiting.keys()) {
      if (!isQueued(id)) this.fail(id, 'DISCONNECTED', { retry: true });
    }
  }
}
