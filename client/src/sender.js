// SPDX-License-Identifier: MIT
// What leaves, when, and what became of it.
//
// A message leaves at once if there is a connection and nothing waits before
// it; otherwise it waits in the outbox, if the application wants a queue or the
// session may go on. What waits leaves as fast as the server lets us: first
// what the last connection of the session has lost, then rooms, then the
// outbox. What had to wait there has an id in any case: if the server finds it
// too early, it is sent again.

import { bytesOf, encode } from './codec.js';
import { PerigeeError } from './codes.js';
import { Outbox } from './outbox.js';
import { Pacer } from './pacer.js';
import { Requests } from './requests.js';
import { isKept } from './session.js';

const USUAL_QUEUE = 64; // messages
const LONGEST_PAUSE = 1000; // ms that a refused message may hold the others

// What became of a queued `send` without the server refusing it.
const UNANSWERED = ['DISCONNECTED', 'TIMEOUT', 'CLOSED'];

export class Sender {
  #options;
  #timers;
  #session;
  #client;
  #requests;
  #outbox;
  #pacer;
  #maxMessage = Infinity; // bytes
  #lastId = 0;

  /**
   * `client` has `live()`, `isClosed()`, `link()`, `rooms()` and
   * `emit(type, data)`. `timers` are told when the connection ends.
   */
  constructor(options, timers, session, client) {
    const { clock, queue = true } = options;
    this.#options = options;
    this.#timers = timers;
    this.#session = session;
    this.#client = client;
    this.#outbox = new Outbox(queue === true ? USUAL_QUEUE : queue);
    this.#requests = new Requests(clock, timers,
      (id) => this.#unsend(id), (text) => this.#sendAgain(text));
    this.start();
  }

  /** Another connection, to the server: the rates of the last are forgotten. */
  start() {
    this.#pacer = new Pacer(this.#options.clock);
  }

  /** Takes over what `auth_ok` says. */
  adopt({ max_message, limits }) {
    this.#maxMessage = max_message || Infinity;
    this.#pacer.adopt(limits);
  }

  /** The server has refused something for the rate of this connection. */
  slowDown(ms) {
    this.#pacer.pause(Math.min(ms, LONGEST_PAUSE));
  }

  /** True if the message is on its way or queued. */
  send(type, data) {
    return !this.#post(type, data);
  }

  request(type, data, { timeout, signal } = {}) {
    const id = ++this.#lastId;
    const text = encode(type, data, id);
    const refusal = signal?.aborted ? 'ABORTED'
      : this.#post(type, data, id, text);
    if (refusal) {
      const isPassing = refusal !== 'TOO_LARGE' && !this.#client.isClosed();
      return Promise.reject(new PerigeeError(refusal, false,
        { cause: signal?.reason, retry: isPassing }));
    }
    return this.#requests.wait(id, timeout ?? this.#options.requestTimeout,
      signal, text);
  }

  /**
   * What the rooms have to say; it does not wait. A `leave` without a
   * connection, but with a session, goes behind what was said before.
   */
  ask(type, data) {
    const id = ++this.#lastId;
    const text = encode(type, data, id);
    if (bytesOf(text) > this.#maxMessage) {
      return Promise.reject(new PerigeeError('TOO_LARGE'));
    }
    if (type === 'leave' && !this.#client.live()) this.#placeAll();
    this.#transmit(text);
    return this.#requests.wait(id, this.#options.requestTimeout);
  }

  /** Takes a `reply`, `pong` or `error` with an id. */
  answer(message) {
    this.#requests.answer(message);
  }

  /** Sends what waits, as far as it may leave now. */
  pump() {
    while (this.#client.live()) {
      const [length, leave] = this.#first() || [];
      if (!leave) return;
      const ms = this.#pacer.wait(length);
      if (ms) {
        this.#timers.set('pump', ms, () => this.pump());
        return;
      }
      leave();
    }
  }

  get queued() {
    return this.#outbox.messages.map(({ type, data }) => ({ type, data }));
  }

  /** Empties the queue; its requests fail with `code`. Returns what it was. */
  clear(code) {
    const { queued } = this;
    for (const message of this.#outbox.messages) this.#discard(message, code);
    return queued;
  }

  /** The connection is gone, the session may go on. */
  suspend() {
    this.#timers.clear('pump');
    this.#requests.disconnected((id, text) =>
      !text || isKept(text) || this.#outbox.has(id));
  }

  /** Fails what was sent and not answered. */
  disconnected() {
    this.#timers.clear('pump');
    this.#requests.disconnected((id) => this.#outbox.has(id));
  }

  /** The same. Returns what had waited for nothing but the session. */
  sessionLost() {
    this.disconnected();
    return this.#options.queue === undefined ? this.clear('DISCONNECTED') : [];
  }

  // Undefined if the message is on its way or queued, else what hinders it.
  #post(type, data, id, text = encode(type, data, id)) {
    const length = bytesOf(text);
    if (length > this.#maxMessage) return 'TOO_LARGE';
    const { queue, maxBuffered } = this.#options;
    if (this.#client.live()) {
      const { buffered } = this.#client.link();
      const { bytes } = this.#session;
      if (Math.max(buffered, bytes) > maxBuffered) return 'BUSY';
      const mayPass = !queue && !this.#outbox.first;
      if (mayPass || this.#isFree(length)) {
        this.#transmit(text, length);
        return undefined;
      }
    } else if (!this.#mayWait || this.#client.isClosed()) return 'NOT_READY';
    if (!this.#outbox.push({ type, data, id, text })) return 'QUEUE_FULL';
    this.pump();
    return undefined;
  }

  // The application wants a queue, or has not said no and the session goes on.
  get #mayWait() {
    const { queue = this.#session.isAlive } = this.#options;
    return queue;
  }

  // Nothing waits before a message of that length.
  #isFree(length) {
    return !this.#session.next && !this.#client.rooms().next &&
      !this.#outbox.first && !this.#pacer.wait(length);
  }

  // The length of what leaves next, and the function that sends it.
  #first() {
    const again = this.#session.next;
    if (again) return [again.length, () => this.#sendNext()];
    const rooms = this.#client.rooms();
    if (rooms.next) {
      const text = encode('join', rooms.next, this.#lastId);
      return [bytesOf(text), () => rooms.askNext()];
    }
    const message = this.#outbox.first;
    return message &&
      [bytesOf(message.text), () => this.#sendQueued(message)];
  }

  // Without a connection: gives everything that waits its place in the session.
  #placeAll() {
    const rooms = this.#client.rooms();
    while (rooms.next) rooms.askNext();
    while (this.#outbox.first) this.#sendQueued(this.#outbox.first);
  }

  // In a session a message is kept; it waits for those before it.
  #transmit(text, length = bytesOf(text)) {
    const isFirst = !this.#session.next;
    if (!this.#session.keep(text, length)) this.#write(text, length);
    else if (isFirst && this.#client.live()) this.#sendNext();
  }

  #sendNext() {
    const { text, length } = this.#session.next;
    this.#session.sent();
    this.#write(text, length);
    if (this.#session.shouldAsk(this.#options.maxBuffered / 2)) {
      this.#client.link().ping();
    }
  }

  #write(text, length) {
    if (!this.#client.live()) return; // a ping among what is placed
    this.#pacer.spend(length);
    this.#client.link().send(text);
  }

  // 0 if it was sent, else the time after which it may be.
  #sendAgain(text) {
    if (!this.#client.live()) return LONGEST_PAUSE; // the socket closes
    const ms = this.#pacer.wait(bytesOf(text));
    if (!ms) this.#transmit(text);
    return ms;
  }

  #sendQueued(message) {
    const { type, data, id } = message;
    const own = id ?? ++this.#lastId;
    const text = encode(type, data, own);
    if (bytesOf(text) > this.#maxMessage) {
      this.#discard(message, 'TOO_LARGE');
      this.#client.emit('@dropped', [{ type, data }]);
      return;
    }
    this.#outbox.remove(message);
    this.#transmit(text);
    if (id) return;
    this.#requests.wait(own, this.#options.requestTimeout, undefined, text)
      .catch(({ code, message: why, retry }) => UNANSWERED.includes(code) ||
        this.#client.emit('error', { code, message: why, retry }));
  }

  // Takes a message out of the box; true if it was there, that is, unsent.
  #unsend(id) {
    const found = this.#outbox.messages.find((message) => message.id === id);
    if (found) this.#outbox.remove(found);
    return Boolean(found);
  }

  #discard(message, code) {
    const retry = code === 'DISCONNECTED';
    if (message.id) this.#requests.fail(message.id, code, { retry });
    this.#outbox.remove(message);
  }
}
