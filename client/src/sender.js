// SPDX-License-Identifier: MIT
// What leaves, when, and what became of it.
//
// A message leaves at once if there is a connection and nothing waits before
// it; otherwise it waits in the outbox, if the application wants a queue or the
// session may go on. What waits leaves as fast as the server lets us: first
// what the last connection of the session has lost, then rooms, then the
// outbox. A `leave` keeps its place in the outbox, and what the rooms ask for
// after it stays behind it. What had to wait there has an id in any case: if
// the server finds it too early, it is sent again.

import { bytesOf, encode } from './codec.js';
import { PerigeeError } from './codes.js';
import { Outbox } from './outbox.js';
import { Pacer } from './pacer.js';
import { Requests } from './requests.js';
import { isKept } from './session.js';

const USUAL_QUEUE = 64; // messages
const LONGEST_PAUSE = 1000; // ms that a refused message may hold the others

// What became of a queued `send` without the server refusing it.
const UNANSWERED = ['DISCONNECTED', 'TIMEOUT'];

const made = (type, data, id) => {
  const text = encode(type, data, id);
  return { type, data, id, text, length: bytesOf(text) };
};

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
    const { clock, queue } = options;
    this.#options = options;
    this.#timers = timers;
    this.#session = session;
    this.#client = client;
    this.#outbox = new Outbox(queue > 0 && queue !== true ? queue
      : USUAL_QUEUE);
    this.#requests = new Requests(clock, timers,
      (id) => this.#outbox.remove(id), (message) => this.#sendAgain(message));
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
    return !this.#post(made(type, data));
  }

  request(type, data, { timeout, signal } = {}) {
    const message = made(type, data, ++this.#lastId);
    const refusal = signal?.aborted ? 'ABORTED' : this.#post(message);
    if (refusal) {
      const isPassing = refusal !== 'TOO_LARGE' && !this.#client.isClosed();
      return Promise.reject(new PerigeeError(refusal, false,
        { cause: signal?.reason, retry: isPassing }));
    }
    return this.#requests.wait(message,
      timeout ?? this.#options.requestTimeout, signal);
  }

  /**
   * What the rooms have to say. A `leave` keeps its turn behind what was said
   * before; what is next of the rooms is sent, or `isPlaced` in the outbox.
   * The answer goes to `how`, a promise's resolve and reject.
   */
  ask(type, data, how, isPlaced) {
    const message = { ...made(type, data, ++this.#lastId), isOwn: true };
    if (message.length > this.#maxMessage) {
      how[1](new PerigeeError('TOO_LARGE'));
      return;
    }
    const { isAlive, next } = this.#session;
    const isLive = this.#client.live();
    if (!isLive && !isAlive && !this.#client.link()?.token) {
      this.#session.giveUp(); // it would go on without what we cannot say now
      how[1](new PerigeeError('DISCONNECTED'));
      return;
    }
    if (isPlaced) this.#outbox.place(message);
    else if (type === 'leave' && (!isLive || next || this.#outbox.first)) {
      this.#placeRooms();
      this.#outbox.push(message);
    } else this.#transmit(message);
    this.#requests.settle(message, this.#patience, how);
  }

  /** Takes a `reply`, `pong` or `error` with an id. */
  answer(message) {
    this.#session.answered(message.id);
    this.#requests.answer(message);
  }

  /** Sends what waits, as far as it may leave now. */
  pump() {
    if (this.#outbox.hasOwn && this.#client.live()) this.#placeRooms();
    for (let first; this.#client.live() && (first = this.#first()); ) {
      const [length, leave] = first;
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
    for (const { id } of this.#outbox.messages) this.#requests.fail(id, code);
    return queued;
  }

  /** Fails what was sent and not answered, unless its session `goesOn`. */
  disconnected(goesOn) {
    this.#timers.clear('pump');
    if (!goesOn) this.#outbox.removeOwn();
    this.#requests.disconnected(({ id, text }) =>
      (goesOn && isKept(text)) || this.#outbox.has(id));
  }

  /** It does not. Returns what had waited for nothing but the session. */
  sessionLost() {
    this.disconnected();
    return this.#options.queue ? [] : this.clear('DISCONNECTED');
  }

  // Undefined if the message is on its way or queued, else what hinders it.
  #post(message) {
    const { length } = message;
    if (length > this.#maxMessage) return 'TOO_LARGE';
    const { queue, maxBuffered } = this.#options;
    if (this.#client.live()) {
      const { buffered } = this.#client.link();
      const { bytes, next } = this.#session;
      if (Math.max(buffered, bytes) > maxBuffered) return 'BUSY';
      // Without a queue it waits only for what waits already.
      const mayPass = !queue ||
        (!this.#client.rooms().next && !this.#pacer.wait(length));
      if (mayPass && !next && !this.#outbox.first) {
        this.#transmit(message);
        return undefined;
      }
    } else if (!(queue ?? this.#session.isAlive) || this.#client.isClosed()) {
      return 'NOT_READY';
    }
    const { type, data, id } = message;
    const isPushed = this.#outbox.push(id ? message
      : { ...made(type, data, ++this.#lastId), isSend: true });
    if (!isPushed) return 'QUEUE_FULL';
    this.pump();
    return undefined;
  }

  // How long an answer to the client's own may take: as long as the session
  // goes on, and as long as they wait themselves.
  get #patience() {
    return this.#session.isOn || this.#outbox.hasOwn ? 0
      : this.#options.requestTimeout;
  }

  // The length of what leaves next, and the function that sends it.
  #first() {
    const { next } = this.#session;
    if (next) return [next.length, () => this.#write(this.#session.take())];
    const rooms = this.#client.rooms();
    if (rooms.next) {
      const { length } = made(...rooms.next, this.#lastId);
      return [length, () => rooms.askNext()];
    }
    const message = this.#outbox.first;
    return message && [message.length, () => this.#sendQueued(message)];
  }

  // What the rooms ask for takes its place among what waits.
  #placeRooms() {
    const rooms = this.#client.rooms();
    while (rooms.next) rooms.askNext(true);
  }

  // There is a connection, and nothing that the session repeats.
  #transmit(message) {
    this.#session.keep(message);
    this.#write(message);
  }

  #write({ text, length }) {
    this.#pacer.spend(length);
    this.#client.link().send(text);
    if (this.#session.shouldAsk(this.#options.maxBuffered / 2)) {
      this.#client.link().ping();
    }
  }

  // 0 if it was sent, else the time after which it may be.
  #sendAgain(message) {
    if (!this.#client.live() || this.#session.next) return LONGEST_PAUSE;
    const ms = this.#pacer.wait(message.length);
    if (!ms) this.#transmit({ ...message, isAnswered: false });
    return ms;
  }

  #sendQueued(message) {
    const { type, data } = message;
    const drop = () => this.#client.emit('@dropped', [{ type, data }]);
    if (message.length > this.#maxMessage) {
      this.#requests.fail(message.id, 'TOO_LARGE');
      if (!message.isOwn) drop();
      return;
    }
    this.#outbox.remove(message.id);
    this.#transmit(message);
    if (!message.isSend) return;
    this.#requests.wait(message, this.#patience)
      .catch(({ code, message: why, retry, sent }) => {
        if (!sent) drop();
        else if (!UNANSWERED.includes(code)) {
          this.#client.emit('error', { code, message: why, retry });
        }
      });
  }
}
