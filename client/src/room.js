// SPDX-License-Identifier: MIT
// The rooms the application wants to be in, whatever the connection does.
//
// A room is `joining` (asked, or to be asked at the next connection), `joined`
// or `refused`. A session that is lost, or a connection without one, turns
// joined into joining; only a refusal that may not be repeated, or `leave`, ends
// it; `left` is remembered while somebody counts on it. Several parts of a page
// may want the same room: joins are counted, and the last `leave` leaves. The
// server's scripts may put the client into rooms and take it out, too; a room
// that nobody here has joined is theirs to join again. A room with a history
// has a position, from which the next join goes on.

import { catchUp } from './catchup.js';
import { PerigeeError } from './codes.js';
import { Position, isPosition } from './position.js';
import { NOBODY, changed, difference, fromAnswer } from './presence.js';

// Rooms with such a name are the scripts' own: a client cannot leave them.
const isScripts = (name) => name.startsWith('~');

const view = ({ room, state, data, error }) => ({ room, state, data, error });

const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export class Rooms {
  #client;
  #rooms = new Map();
  #due = new Set(); // rooms to ask for, oldest first
  #pages = []; // { data, how }, of histories to ask for
  #past = new Map(); // positions of rooms that only scripts may join again
  #pauses = new Set(); // what ends each of them

  /**
   * `client` has `isHeard()` (there is a session or a connection), `pump()`,
   * which is called when there is something to ask for, `ask(type, data, how,
   * isPlaced)`, `emit(type, data, room)`, `deliver(message)` and `later(name,
   * tries, ms, fn)`, which calls `fn` unless disconnected first.
   */
  constructor(client) {
    this.#client = client;
  }

  list() {
    return [...this.#rooms.values()].map(view)
      .filter(({ state }) => state !== 'left');
  }

  get(name) {
    const room = this.#rooms.get(name);
    return room && view(room);
  }

  /** Who is there: `{ users, count }`, frozen. */
  here(name) {
    return this.#rooms.get(name)?.here ?? NOBODY;
  }

  /** What should be asked next, if anything: `[type, data]`. */
  get next() {
    const [room] = this.#due;
    if (room) return ['join', { ...this.#hello(room), room: room.room }];
    const [page] = this.#pages;
    return page && ['history', page.data];
  }

  // `since` is the application's until there is a position. Who is in the room
  // gets everything already.
  #hello({ hello, position: { now }, state }) {
    if (!now) return hello;
    return { ...hello, since: state === 'joined' ? undefined : now };
  }

  join(name, hello) {
    JSON.stringify([name, hello]); // throws now, not when it leaves
    const room = this.#rooms.get(name) || this.#add(name);
    room.count++;
    const isNews = hello !== undefined && !isSame(hello, room.hello);
    if (isNews) room.hello = hello;
    const isIn = room.state === 'joined';
    if ((isIn || room.state === 'joining') && !isNews) return room.answer;
    if (isIn) this.#promise(room); // and stays joined while it is asked
    else this.#open(room);
    const { answer } = room;
    if (this.#client.isHeard()) this.#ask(room);
    return answer;
  }

  /** With `all`, for everybody who has joined. */
  leave(name, all) {
    const room = this.#rooms.get(name);
    if (room && --room.count > 0 && !all) return Promise.resolve();
    if (room && isScripts(name) && room.state === 'joined') room.count = 0;
    else if (room) this.#forget(room, room.state === 'left');
    return this.#client.isHeard() ? this.#bye(name) : Promise.resolve();
  }

  /** Asks for every room that should be joined and is not asked for. */
  rejoin() {
    for (const room of this.#rooms.values()) {
      if (room.state === 'refused' && room.error.retry) this.#open(room);
      if (room.state === 'joining' && !room.isAsked) this.#due.add(room);
    }
  }

  /** Asks what `next` has shown. */
  askNext(isPlaced) {
    const [type, data] = this.next;
    const [room] = this.#due;
    const how = room ? this.#asked(room, data.since) : this.#pages.shift().how;
    this.#client.ask(type, data, how, isPlaced);
  }

  /** Nobody there knows us any more; with `error`, for good. */
  lost(error) {
    this.#due.clear();
    this.#pages = [];
    for (const end of this.#pauses) end(true);
    for (const room of [...this.#rooms.values()]) {
      room.isAsked = false;
      room.catching = null;
      room.position.lost();
      if (room.count < 1) this.#past.set(room.room, room.position);
      if (room.count < 1) this.#forget(room);
      else if (room.state === 'joined') this.#open(room);
      if (error && room.state === 'joining') {
        this.#settle(room, 'reject', error);
        this.#promise(room);
      }
    }
    if (error) this.#past.clear();
  }

  /** A script has put the client into a room. */
  putIn(name, data) {
    const room = this.#rooms.get(name) || this.#add(name);
    // For an ordinary room the answer to our join decides.
    if (room.state === 'joining') {
      if (!isScripts(name)) return;
      this.#due.delete(room);
      room.serial++; // whatever that answer is
    }
    if (room.position.now && isPosition(data)) {
      this.#enter(room, data);
      this.#missed(room, data);
    } else this.#joined(room, data);
  }

  /** A script has taken it out; a join that is under way decides anew. */
  takenOut(name, data) {
    const room = this.#rooms.get(name);
    if (room?.state !== 'joined') return;
    if (room.isPending) {
      this.#become(room, 'joining', data);
      return;
    }
    Object.assign(room,
      { position: new Position(), catching: null, here: NOBODY });
    this.#become(room, 'left', data);
    if (room.count < 1) this.#rooms.delete(name);
  }

  /** Looks at every message; false if the application does not get it now. */
  take({ type, data, room: name, seq }) {
    const room = this.#rooms.get(name);
    if (!room) return true;
    if (type === 'presence') {
      this.#tellHere(room, room.here, changed(room.here, data));
      return false;
    }
    if (type === 'resync') this.#missed(room, data);
    return seq === undefined || room.position.take(seq);
  }

  #add(name) {
    const room = { room: name, count: 0, tries: 0, serial: 0, here: NOBODY,
      position: this.#past.get(name) || new Position() };
    this.#past.delete(name);
    this.#rooms.set(name, room);
    return room;
  }

  // The server has left out messages for us, or a script's join comes late.
  #missed(room, to) {
    const { room: name, position } = room;
    const lost = (gap) => this.#client.emit('gap', gap, name);
    const gap = isPosition(to) ? position.missed(to) : { since: position.now };
    if (gap) lost(gap);
    if (!position.isBehind || room.catching) return;
    const mine = (room.catching = {});
    const isMine = () =>
      this.#rooms.get(name) === room && room.catching === mine;
    catchUp(position, { lost, isMine,
      fetch: (after, limit) => new Promise((...how) => {
        this.#pages.push({ data: { room: name, after, limit }, how });
        this.#client.pump();
      }),
      pause: (tries, ms) => this.#pause(tries, ms),
      deliver: (message) => this.#client.deliver({ ...message, room: name }),
    }).then(() => isMine() && (room.catching = null));
  }

  #tellHere(room, before, here) {
    room.here = here;
    const change = difference(before, here);
    if (change) this.#client.emit('presence', change, room.room);
  }

  #forget(room, isKnown) {
    this.#rooms.delete(room.room);
    this.#due.delete(room);
    this.#settle(room, 'reject', new PerigeeError('LEFT'));
    const { room: name } = room;
    if (!isKnown) {
      this.#client.emit('@room', { room: name, state: 'left' }, name);
    }
  }

  #open(room) {
    this.#promise(room);
    this.#become(room, 'joining');
  }

  // Whoever waits for an answer already gets the next one.
  #promise(room) {
    if (room.isPending) return;
    room.isPending = true;
    room.answer = new Promise((resolve, reject) => {
      room.resolve = resolve;
      room.reject = reject;
    });
    room.answer.catch(() => {}); // who does not ask need not handle it
  }

  #settle(room, how, value) {
    room.isPending = false;
    room[how]?.(value);
  }

  // What was asked before with other data is not waited for any more.
  #ask(room) {
    room.serial++;
    this.#due.add(room);
    this.#client.pump();
  }

  // What a join that leaves now does when it is answered.
  #asked(room, since) {
    this.#due.delete(room);
    const serial = ++room.serial;
    const { hello } = room;
    room.isAsked = true;
    room.position.asked();
    const mine = (fn) => (answer) =>
      this.#rooms.get(room.room) === room && room.serial === serial &&
        fn(answer);
    return [
      mine((answer) => {
        room.accepted = hello;
        this.#joined(room, answer, since);
      }),
      mine((error) => error.code === 'DISCONNECTED' ||
        this.#failed(room, error)),
    ];
  }

  #joined(room, data, since) {
    const gap = room.position.answered(data, since);
    this.#enter(room, data);
    if (gap) this.#client.emit('gap', gap, room.room);
  }

  #enter(room, data) {
    const { here } = room;
    room.tries = 0;
    room.isAsked = false;
    if (data?.presence) room.here = fromAnswer(data);
    this.#promise(room);
    this.#become(room, 'joined', data);
    this.#settle(room, 'resolve', data);
    this.#tellHere(room, here, room.here);
  }

  // Resolves in time; with true if there is nobody to wait for any more.
  #pause(tries, ms) {
    return new Promise((resolve) => {
      const end = (isOver) => {
        this.#pauses.delete(end);
        resolve(isOver);
      };
      this.#pauses.add(end);
      this.#client.later(end, tries, ms, end);
    });
  }

  // A server that is busy is asked again; a silent one at the next connection.
  #failed(room, error) {
    if (error.retry && error.code !== 'TIMEOUT') {
      this.#client.later(room.room, room.tries++, error.retryAfterMs, () => {
        if (this.#rooms.get(room.room) === room) this.#ask(room);
      });
      this.#become(room, room.state, room.data, error);
      return;
    }
    room.isAsked = false;
    const { state, accepted: hello, data } = room;
    if (state === 'joined') { // and stays so, as it was before
      Object.assign(room, { hello, answer: Promise.resolve(data) });
    } else room.state = 'refused';
    this.#become(room, room.state, data, error);
    this.#settle(room, 'reject', error);
  }

  // A script may have put us in again before the server read our leave.
  #left(room) {
    if (room?.state !== 'joined') return;
    if (room.count < 1) this.takenOut(room.room);
    else {
      this.#open(room);
      this.#ask(room);
    }
  }

  // A leave that came too early is said again, unless it was thought over:
  // resolves with true then.
  async #bye(name, tries = 0) {
    try {
      await new Promise((resolve, reject) => {
        this.#client.ask('leave', { room: name },
          [() => resolve(this.#left(this.#rooms.get(name))), reject]);
      });
      return undefined;
    } catch (error) {
      const { code, retry, retryAfterMs } = error;
      // One that was not heard has left with the session.
      if (code === 'DISCONNECTED' || !this.#client.isHeard()) return undefined;
      if (!retry || code === 'TIMEOUT') throw error;
      if (await this.#pause(tries, retryAfterMs)) return undefined;
    }
    const room = this.#rooms.get(name);
    const isWanted = room && (room.count > 0 || !isScripts(name));
    return !!isWanted || this.#bye(name, tries + 1);
  }

  #become(room, state, data, error) {
    Object.assign(room, { state, data, error });
    this.#client.emit('@room', view(room), room.room);
  }
}
