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
// a new Link; #become is the only place that changes the state. The session,
// if the server grants one, goes on from one link to the next; only when it is
// over are requests failed and rooms joined again.

import { backoff } from './backoff.js';
import { address } from './codec.js';
import { CLOSE, PerigeeError, fromServer, isFinal, isPassing }
  from './codes.js';
import { Emitter, guard } from './emitter.js';
import { HANDSHAKE, Link } from './link.js';
import { watchPage } from './page.js';
import { Room } from './handle.js';
import { Rooms } from './room.js';
import { Sender } from './sender.js';
import { Session } from './session.js';
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
  token: undefined,
  tokenGetter: undefined,
  WebSocket: undefined, // the global one
  minDelay: 500, // ms before a reconnect, at least
  maxDelay: 20000, // ms before a reconnect, at most
  stableAfter: 10000, // ms of ready after which the attempts count anew
  connectTimeout: 15000, // ms for token, socket and auth_ok together
  requestTimeout: 10000, // ms for an answer
  maxBuffered: 1 << 20, // bytes the network may owe us before send refuses
  session: true, // ask for one
  queue: undefined, // true (64 messages), a number of messages, or false
  random: Math.random,
  clock: realClock,
  page: globalThis, // where online, pagehide and the like happen
};

const LONGEST_STAY = 600000; // ms that the server may keep us away
const NEW_SECOND = 1000; // ms after which a token can be another one

const WS_OF = {
  connecting: WS_STATUS.CONNECTING,
  authenticating: WS_STATUS.ONLINE,
  ready: WS_STATUS.ONLINE,
};

export class SocketClient {
  #url;
  #options;
  #source; // the token, or the function that gets it, or HANDSHAKE
  #timers;
  #retries; // timers that end with the connection
  #session;
  #sender;
  #rooms;
  #events = new Emitter();
  #roomEvents = new Emitter();
  #watchers = new Emitter();
  #unwatchPage;

  #link = null; // the current attempt or connection
  #attempt = 0; // reconnects since the connection was last stable
  #readyAt = 0;
  #window = null; // ms to stay away, if a goodbye said so
  #parting = null; // the TRY_LATER that announced the close
  #lostAt = 0;
  #notBefore = 0; // when the server wants to see us again, at the earliest
  #hidden = false; // in the back-forward cache
  #refused; // { token, error }, of a token that is no use
  #state = {};

  constructor(url, options = {}) {
    this.#url = address(url);
    this.#options = { ...DEFAULTS, ...options };
    for (const name in options) {
      if (!(name in DEFAULTS)) {
        console.warn(`perigee: no option ${name}`);
      }
    }
    this.#source = 'token' in options || 'tokenGetter' in options
      ? options.tokenGetter || options.token : HANDSHAKE;
    const { clock } = this.#options;
    this.#timers = new Timers(clock);
    this.#retries = new Timers(clock);
    this.#session = new Session(clock, this.#options.session);
    this.#sender = new Sender(this.#options, this.#timers, this.#session, {
      live: () => this.#live,
      isClosed: () => this.#state.state === 'closed',
      link: () => this.#link,
      rooms: () => this.#rooms,
      emit: (type, data) => this.#tell(type, data),
    });
    this.#rooms = new Rooms({
      isHeard: () => this.#live || this.#session.isOn,
      pump: () => this.#sender.pump(),
      ask: (...what) => this.#sender.ask(...what),
      emit: (type, data, room) => this.#tell(type, data, room),
      deliver: (message) => this.#emit(message),
      later: (name, tries, ms, fn) =>
        this.#retries.set(name, ms ?? this.#delay(tries), fn),
    });
    this.#become('idle', { code: null, reason: '', lastError: null,
      user: null, conn: null });
  }

  connect() {
    if (!this.#isActive) {
      this.#attempt = 0;
      this.#refused = null;
      this.#unwatchPage = watchPage(this.#options.page, {
        back: () => this.#back(),
        offline: () => this.#link?.probe(),
        hide: (event) => this.#hide(event.persisted),
        show: () => this.#show(),
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
    return this.#sender.send(type, data);
  }

  request(type, data, options) {
    return this.#sender.request(type, data, options);
  }

  on(type, fn) {
    return this.#events.on(type, fn);
  }

  once(type, fn) {
    return this.#events.once(type, fn);
  }

  off(type, fn) {
    this.#events.off(type, fn);
  }

  join(room, data) {
    return this.#rooms.join(room, data);
  }

  leave(room, { all } = {}) {
    const left = this.#rooms.leave(room, all);
    left.catch(() => {}); // off the list either way
    return left;
  }

  room(name) {
    return new Room(name, this, this.#rooms, this.#roomEvents);
  }

  get rooms() {
    return this.#rooms.list();
  }

  get queued() {
    return this.#sender.queued;
  }

  clearQueue() {
    return this.#sender.clear('ABORTED');
  }

  getState() {
    return this.#state;
  }

  onStateChange(fn) {
    // Each call gets the state of its moment: a listener before may change it.
    const tell = () => guard(fn, this.#state);
    const off = this.#watchers.on('', tell);
    tell();
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
    if (!this.#live && !this.#session.isOn) this.#rooms.lost();
    this.#watchers.emit('');
  }

  #open() {
    this.#hidden = false;
    this.#window = this.#parting = null;
    this.#timers.clear('wait');
    const known = { refused: this.#refused, session: this.#session };
    const link = new Link(this.#options, this.#source, known, {
      authenticating: () => this.#become('authenticating'),
      ready: (facts) => this.#ready(link, facts),
      message: (message) => this.#receive(message),
      ended: (...why) => this.#lost(...why),
    });
    this.#link = link;
    this.#become('connecting');
    if (this.#link === link) link.start(this.#url);
  }

  #ready(link, facts) {
    const { user = null, conn = null } = facts;
    const tellNews = this.#takeUp(facts.session);
    this.#refused = null;
    this.#readyAt = this.#options.clock.now();
    this.#sender.adopt(facts);
    this.#rooms.rejoin();
    this.#sender.pump();
    if (this.#link !== link) return; // a listener has closed it
    this.#become('ready',
      { user, conn, code: null, reason: '', lastError: null });
    tellNews?.();
  }

  // Goes on with the session, or gives it up. Returns what tells the news, if
  // there are any.
  #takeUp(answer) {
    const { unsure: sent } = this.#session;
    const fate = this.#session.begin(answer);
    if (fate === 'resumed') return () => this.#tell('resumed', this.#away);
    this.#sender.start();
    if (fate === 'new') return undefined;
    this.#retries.clearAll();
    const dropped = this.#sender.sessionLost();
    this.#rooms.lost();
    return () => this.#tellLost(sent, dropped);
  }

  // Nothing may be missing without a word.
  #tellLost(sent, dropped) {
    if (sent) this.#tell('session_lost', { ...this.#away, sent });
    if (dropped.length) this.#tell('@dropped', dropped);
  }

  get #away() {
    return { awayMs: this.#options.clock.now() - this.#lostAt };
  }

  #receive(message) {
    const { type, data, id, room } = message;
    if (type === 'error') this.#heed(data || {}, id);
    if (id && ['reply', 'error', 'pong'].includes(type)) {
      this.#sender.answer(message);
      return;
    }
    if (type === 'auth_ok') this.#sender.adopt(data || {});
    if (type === 'goodbye') this.#stayAway(data?.reconnect_in_ms);
    if (type === 'joined') this.#rooms.putIn(room, data);
    if (type === 'left') this.#rooms.takenOut(room, data);
    if (this.#rooms.take(message)) this.#emit(message);
  }

  #emit(message) {
    const { type, data, room } = message;
    this.#events.emit(type, data, message);
    if (room) this.#roomEvents.emit(`${type} ${room}`, data, message);
  }

  // What the client itself has to say.
  #tell(type, data, room) {
    this.#emit({ type, data, room });
  }

  // Errors that are about the connection, not about one message or its type.
  #heed(data, id) {
    const { code, type, retry_after_ms: ms } = data;
    if (code === 'TRY_LATER' && !id) this.#parting = fromServer(data);
    if (code === 'RATE_LIMITED' && !type) this.#sender.slowDown(ms || 0);
  }

  #stayAway(range) {
    const [from, to] = range || [];
    const ms = from + this.#options.random() * (to - from);
    if (ms >= 0) this.#window = Math.min(ms, LONGEST_STAY);
  }

  // The link has ended: for good only if the same would be met again.
  #lost(code, reason, lastError = null) {
    const why = lastError?.message;
    if (!this.#attempt && / 4..\)|non-101/.test(why)) { // a wrong address?
      console.warn(`perigee: ${this.#url}: ${why}`);
    }
    const isOver = lastError ? !this.#mayPass(lastError) : isFinal(code);
    const error = lastError || this.#parting;
    if (isOver) {
      this.#close(code, reason, error || new PerigeeError('CLOSED', false,
        { message: `The server closed the connection: ${reason} (${code}).` }));
      return;
    }
    const isRefused = error?.code === 'INVALID_TOKEN';
    if (isRefused) this.#refused = { token: this.#link.token, error };
    this.#leave(reason);
    const least = isRefused ? NEW_SECOND : error?.retryAfterMs || 0;
    const ms = this.#window ??
      Math.min(least, LONGEST_STAY) + this.#delay(this.#attempt);
    const { clock } = this.#options;
    this.#notBefore = clock.now() + (this.#window ?? least);
    this.#attempt++;
    this.#wait(ms, { code, reason, lastError: error });
  }

  // A token may have a successor if somebody is asked for it: where it was only
  // too old for as long as it takes, where it was refused for what it is unless
  // the same one comes again.
  #mayPass(error) {
    const isAsked = typeof this.#source === 'function';
    if (error.code === 'TOKEN_EXPIRED') {
      return isAsked || this.#source === HANDSHAKE;
    }
    if (error.code === 'INVALID_TOKEN') {
      return isAsked && error !== this.#refused?.error;
    }
    return isPassing(error);
  }

  #close(code, reason, lastError = null) {
    const failed = code === CLOSE.AUTH_FAILED || code === CLOSE.TOKEN_EXPIRED ||
      lastError?.code === 'NO_TOKEN';
    const { isOn, unsure } = this.#session;
    this.#unwatchPage?.();
    this.#leave(reason, true);
    const dropped = this.#sender.clear('CLOSED');
    this.#rooms.lost(lastError || new PerigeeError('CLOSED'));
    this.#become('closed', { code, reason, lastError, failed });
    this.#tellLost(isOn && lastError && unsure, dropped);
  }

  // Without a session, or with one that ends, everything under way is over.
  #leave(reason, isEnd) {
    const { clock, stableAfter } = this.#options;
    const now = clock.now();
    const isReady = this.#state.state === 'ready';
    if (isReady && now - this.#readyAt >= stableAfter) this.#attempt = 0;
    if (isReady) this.#lostAt = now;
    if (isEnd) this.#session.end();
    this.#link?.close(reason);
    this.#link = null;
    this.#timers.clear('wait');
    const { isOn } = this.#session;
    if (isOn) this.#session.suspend();
    else this.#retries.clearAll();
    this.#sender.disconnected(isOn);
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
    const now = this.#options.clock.now();
    if (state !== 'waiting' || now < this.#notBefore) return;
    const ms = this.#delay(0);
    if (now + ms < nextAttemptAt) this.#wait(ms);
  }

  // A page that is left for good takes its session with it.
  #hide(mayReturn) {
    this.#hidden = true;
    this.#leave('pagehide', !mayReturn);
    this.#become('waiting', { code: null, reason: 'pagehide' });
  }

  #show() {
    if (!this.#hidden) return;
    const ms = this.#notBefore - this.#options.clock.now();
    if (ms > 0) this.#wait(ms);
    else this.#open();
  }
}
