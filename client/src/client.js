// SPDX-License-Identifier: MIT
// The connection as an application sees it, whatever the network does.
//
//   idle → connecting → authenticating → ready
//              ↑  ↓            ↓           ↓
//              waiting ←───────┴───────────┘      any → closed → connecting
//
// `connecting` gets the token and opens the socket, `authenticating` has sent
// the token. A connection that is lost goes to `waiting`, one that would be
// refused again to `closed`, where only `connect()` leads out. Each attempt is
// a new Link; #become is the only place that changes the state.

import { backoff } from './backoff.js';
import { address, encode, isLonger } from './codec.js';
import { CLOSE, PerigeeError, isFinal, isPassing } from './codes.js';
import { Emitter } from './emitter.js';
import { Link } from './link.js';
import { Outbox } from './outbox.js';
import { watchPage } from './page.js';
import { Requests } from './requests.js';
import { Rooms } from './room.js';
import { Timers, realClock } from './timers.js';

export const WS_STATUS = {
  OFFLINE: 'offline',
  CONNECTING: 'connecting',
  ONLINE: 'online',
};

export const AUTH_STATUS = {
  PENDING: 'pending',
  AUTHED: 'authed',
  FAILED: 'failed',
};

const DEFAULTS = {
  minDelay: 500, // ms before a reconnect, at least
  maxDelay: 20000, // ms before a reconnect, at most
  stableAfter: 10000, // ms of ready after which the attempts count anew
  connectTimeout: 15000, // ms for token, socket and auth_ok together
  requestTimeout: 10000, // ms for an answer
  maxBuffered: 1 << 20, // bytes the network may owe us before send refuses
  queue: false, // true (64 messages) or a number of messages
  random: Math.random,
  clock: realClock,
  page: globalThis, // where online, pagehide and the like happen
};

const LONGEST_WINDOW = 600000; // ms that a goodbye may keep us away

const WS_OF = {
  connecting: WS_STATUS.CONNECTING,
  authenticating: WS_STATUS.ONLINE,
  ready: WS_STATUS.ONLINE,
};

export class SocketClient {
  #url;
  #options;
  #source; // the token, or the function that gets it
  #timers;
  #retries; // timers that end with the connection
  #requests;
  #rooms;
  #outbox;
  #events = new Emitter();
  #watchers = new Emitter();
  #unwatchPage;

  #link = null; // the current attempt or connection
  #attempt = 0; // reconnects since the connection was last stable
  #readyAt = 0;
  #window = null; // ms to stay away, if a goodbye said so
  #hidden = false; // in the back-forward cache
  #expired = false; // the last token was refused for its age
  #maxMessage = Infinity; // bytes
  #lastId = 0;
  #state = {};

  constructor(url, options = {}) {
    this.#url = address(url);
    this.#options = { ...DEFAULTS, ...options };
    this.#source = options.tokenGetter || options.token;
    const { clock, queue } = this.#options;
    this.#outbox = new Outbox(queue === true ? 64 : queue);
    this.#timers = new Timers(clock);
    this.#retries = new Timers(clock);
    this.#requests = new Requests(this.#timers, (id) => this.#unsend(id));
    this.#rooms = new Rooms({
      live: () => this.#live,
      ask: (type, data) => this.request(type, data),
      changed: (room) => this.#events.emit('@room', room),
      later: (name, tries, ms, fn) =>
        this.#retries.set(name, ms ?? this.#delay(tries), fn),
    });
    this.#become('idle', { code: null, reason: '', lastError: null,
      user: null, conn: null });
  }

  connect() {
    if (!this.#isActive) {
      this.#attempt = 0;
      this.#expired = false;
      this.#unwatchPage = watchPage(this.#options.page, {
        back: () => this.#back(),
        offline: () => this.#link?.probe(),
        hide: () => this.#hide(),
        show: () => this.#hidden && this.#open(),
      });
      this.#open();
    }
    return this.#settled();
  }

  reconnect() {
    if (!this.#isActive) return this.connect();
    this.#leave('reconnect');
    this.#open();
    return this.#settled();
  }

  close() {
    if (this.#state.state === 'closed') return;
    this.#close(1000, 'closed by the application');
  }

  setToken(source) {
    this.#source = source;
    if (this.#link?.isReady) this.#link.refresh(source);
    else if (this.#link) this.reconnect(); // it is about to use the old one
  }

  send(type, data) {
    return !this.#post(type, data);
  }

  request(type, data, { timeout, signal } = {}) {
    const id = ++this.#lastId;
    const refusal = signal?.aborted ? 'ABORTED' : this.#post(type, data, id);
    if (refusal) {
      return Promise.reject(new PerigeeError(refusal, false,
        { cause: signal?.reason, retry: refusal !== 'TOO_LARGE' }));
    }
    return this.#requests.wait(id, timeout ?? this.#options.requestTimeout,
      signal);
  }

  on(type, fn) {
    return this.#events.on(type, fn);
  }

  once(type, fn) {
    const off = this.#events.on(type, fn, (...args) => {
      off();
      fn(...args);
    });
    return off;
  }

  off(type, fn) {
    this.#events.off(type, fn);
  }

  join(room, data) {
    return this.#rooms.join(room, data);
  }

  leave(room) {
    const left = this.#rooms.leave(room);
    left.catch(() => {}); // off the list either way
    return left;
  }

  get rooms() {
    return this.#rooms.list();
  }

  get queued() {
    return this.#outbox.messages.map(({ type, data }) => ({ type, data }));
  }

  clearQueue(code = 'ABORTED') {
    const { queued } = this;
    for (const message of this.#outbox.messages) this.#discard(message, code);
    return queued;
  }

  getState() {
    return this.#state;
  }

  onStateChange(fn) {
    // Each call gets the state of its moment: a listener before may change it.
    const off = this.#watchers.on('', () => fn(this.#state));
    fn(this.#state);
    return off;
  }

  // The state machine.

  // Ready, and not about to be lost: between the server's close frame and the
  // close event the state is still the old one, as the code is not known yet.
  get #live() {
    return this.#link?.canSend;
  }

  get #isActive() {
    return !['idle', 'closed'].includes(this.#state.state);
  }

  #become(state, { failed, ...facts } = {}) {
    let authStatus = failed ? AUTH_STATUS.FAILED : AUTH_STATUS.PENDING;
    if (state === 'ready') authStatus = AUTH_STATUS.AUTHED;
    this.#state = Object.freeze({
      ...this.#state, nextAttemptAt: null, ...facts, state, authStatus,
      wsStatus: WS_OF[state] || WS_STATUS.OFFLINE, attempt: this.#attempt,
    });
    if (!this.#live) this.#rooms.lost();
    this.#watchers.emit('');
  }

  #open() {
    this.#hidden = false;
    this.#window = null;
    this.#timers.clear('wait');
    const link = new Link(this.#options, this.#source, {
      authenticating: () => this.#become('authenticating'),
      ready: (facts) => this.#ready(link, facts),
      message: (message) => this.#receive(message),
      ended: (...why) => this.#lost(...why),
    });
    this.#link = link;
    this.#become('connecting');
    if (this.#link === link) link.start(this.#url);
  }

  #ready(link, { user = null, conn = null, max_message }) {
    this.#expired = false;
    this.#readyAt = this.#options.clock.now();
    this.#maxMessage = max_message || Infinity;
    this.#rooms.rejoin();
    this.#flush();
    if (this.#link !== link) return; // a listener has closed it
    this.#become('ready',
      { user, conn, code: null, reason: '', lastError: null });
  }

  #receive(message) {
    const { type, data, id } = message;
    if (id && ['reply', 'error', 'pong'].includes(type)) {
      this.#requests.answer(message);
      return;
    }
    if (type === 'goodbye') this.#stayAway(data?.reconnect_in_ms);
    this.#events.emit(type, data, message);
  }

  #stayAway(range) {
    const [from, to] = range || [];
    const ms = from + this.#options.random() * (to - from);
    if (ms >= 0) this.#window = Math.min(ms, LONGEST_WINDOW);
  }

  // The link has ended. A refusal is final, but for a token that was only too
  // old: that may have a successor, once.
  #lost(code, reason, lastError = null) {
    const renews = lastError?.code === 'TOKEN_EXPIRED' && !this.#expired &&
      typeof this.#source === 'function';
    this.#expired = renews;
    const final = lastError ? !renews && !isPassing(lastError) : isFinal(code);
    if (final) {
      this.#close(code, reason, lastError);
      return;
    }
    this.#leave(reason);
    const ms = this.#window ?? this.#delay(this.#attempt);
    this.#attempt++;
    this.#wait(ms, { code, reason, lastError });
  }

  #close(code, reason, lastError = null) {
    const failed = code === CLOSE.AUTH_FAILED || lastError?.code === 'NO_TOKEN';
    this.#unwatchPage?.();
    this.#leave(reason);
    const dropped = this.clearQueue('CLOSED');
    this.#rooms.lost(lastError || new PerigeeError('CLOSED'));
    this.#become('closed', { code, reason, lastError, failed });
    if (dropped.length) this.#events.emit('@dropped', dropped);
  }

  #leave(reason) {
    const { clock, stableAfter } = this.#options;
    const isStable = clock.now() - this.#readyAt >= stableAfter;
    if (this.#state.state === 'ready' && isStable) this.#attempt = 0;
    this.#link?.close(reason);
    this.#link = null;
    this.#timers.clear('wait');
    this.#retries.clearAll();
    this.#requests.disconnected((id) => this.#outbox.has(id));
  }

  #wait(ms, facts) {
    const nextAttemptAt = this.#options.clock.now() + ms;
    this.#timers.set('wait', ms, () => this.#open());
    this.#become('waiting', { ...facts, nextAttemptAt });
  }

  #delay(attempt) {
    const { minDelay, maxDelay, random } = this.#options;
    return backoff(attempt, minDelay, maxDelay, random);
  }

  // A promise for ready; closed rejects it.
  #settled() {
    const settled = new Promise((resolve, reject) => {
      const look = () => {
        const { state, lastError } = this.#state;
        if (state === 'ready') resolve();
        else if (state === 'closed') {
          reject(lastError || new PerigeeError('CLOSED'));
        } else return;
        this.#watchers.off('', look);
      };
      this.#watchers.on('', look);
      look();
    });
    settled.catch(() => {}); // the state says it as well
    return settled;
  }

  // The network or the user is back: come sooner, but not all at one moment.
  #back() {
    this.#link?.probe();
    const { state, nextAttemptAt } = this.#state;
    if (state !== 'waiting' || this.#window !== null) return;
    const ms = this.#delay(0);
    if (this.#options.clock.now() + ms < nextAttemptAt) this.#wait(ms);
  }

  #hide() {
    this.#hidden = true;
    this.#leave('pagehide');
    this.#become('waiting', { code: null, reason: 'pagehide' });
  }

  // Messages.

  // Undefined if the message is on its way or queued, else what hinders it.
  #post(type, data, id) {
    const text = encode(type, data, id);
    if (isLonger(text, this.#maxMessage)) return 'TOO_LARGE';
    const { queue, maxBuffered } = this.#options;
    if (this.#live) {
      if (this.#link.buffered > maxBuffered) return 'BUSY';
      this.#link.send(text);
      return undefined;
    }
    if (!queue || this.#state.state === 'closed') return 'NOT_READY';
    const message = { type, data, id, text };
    return this.#outbox.push(message) ? undefined : 'QUEUE_FULL';
  }

  // Takes a message out of the box; true if it was there, that is, unsent.
  #unsend(id) {
    const found = this.#outbox.messages.find((message) => message.id === id);
    if (found) this.#outbox.remove(found);
    return Boolean(found);
  }

  #discard(message, code) {
    if (message.id) this.#requests.fail(message.id, code);
    this.#outbox.remove(message);
  }

  #flush() {
    for (const message of this.#outbox.messages) {
      const { type, data, text } = message;
      if (isLonger(text, this.#maxMessage)) {
        this.#discard(message, 'TOO_LARGE');
        this.#events.emit('@dropped', [{ type, data }]);
      } else if (this.#live) {
        this.#link.send(text);
        this.#outbox.remove(message);
      } else return;
    }
  }
}
