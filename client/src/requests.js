// SPDX-License-Identifier: MIT
// Questions that wait for an answer with the same id.

import { PerigeeError, fromServer } from './codes.js';

const SOON = 1000; // ms, if the server does not say when

export class Requests {
  #clock;
  #timers;
  #unsend;
  #resend;
  #waiting = new Map(); // id → { resolve, fail, until, message, isRefused }

  /**
   * `unsend(id)` takes a message back; true if it had not been sent yet.
   * `resend(message)` sends one again: 0, or the ms to wait before.
   */
  constructor(clock, timers, unsend, resend) {
    this.#clock = clock;
    this.#timers = timers;
    this.#unsend = unsend;
    this.#resend = resend;
  }

  /**
   * A promise for the answer to a message; `timeout` in ms, 0 for none. Unless
   * it `isOwn`, it is sent again if the server says that it was only too early.
   */
  wait(message, timeout, signal) {
    return new Promise((...how) => this.settle(message, timeout, how, signal));
  }

  /** The same, for a promise that is there: how to resolve and reject it. */
  settle(message, timeout, [resolve, reject], signal) {
    const { id } = message;
    const abort = () => this.fail(id, 'ABORTED', signal.reason);
    const end = (how) => (value) => {
      this.#waiting.delete(id);
      this.#timers.clear(id);
      this.#timers.clear(`again ${id}`);
      signal?.removeEventListener('abort', abort);
      how(value);
    };
    this.#waiting.set(id, { resolve: end(resolve), fail: end(reject), message,
      until: timeout ? this.#clock.now() + timeout : Infinity });
    signal?.addEventListener('abort', abort);
    if (timeout) {
      this.#timers.set(id, timeout, () => this.fail(id, 'TIMEOUT'));
    }
  }

  /** Takes a `reply`, `pong` or `error`; one that comes too late is nobody's. */
  answer({ type, id, data }) {
    const request = this.#waiting.get(id);
    if (!request) return;
    if (type !== 'error') {
      request.resolve(data);
      return;
    }
    const error = fromServer(data);
    const { retryAfterMs: ms = SOON } = error;
    const isEarly = error.code === 'RATE_LIMITED' && error.retry &&
      !request.message.isOwn && this.#clock.now() + ms < request.until;
    if (isEarly) this.#again(id, request, ms);
    else request.fail(error);
  }

  // It was refused, so whoever loses the connection now has not sent it.
  #again(id, request, ms) {
    request.isRefused = true;
    this.#timers.set(`again ${id}`, ms, () => {
      const more = this.#resend(request.message);
      if (more) this.#again(id, request, more);
      else request.isRefused = false;
    });
  }

  fail(id, code, cause) {
    const request = this.#waiting.get(id);
    const isUnsent = this.#unsend(id) || request?.isRefused;
    const retry = code === 'DISCONNECTED' || code === 'TIMEOUT';
    request?.fail(new PerigeeError(code, !isUnsent, { retry, cause }));
  }

  /** Fails what was sent and not answered; what is `isSafe(message)` waits. */
  disconnected(isSafe) {
    for (const [id, { message }] of this.#waiting) {
      if (!isSafe(message)) this.fail(id, 'DISCONNECTED');
    }
  }
}
