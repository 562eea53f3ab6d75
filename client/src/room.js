// SPDX-License-Identifier: MIT
// The rooms the application wants to be in, whatever the connection does.
//
// A room is `joining` (asked, or to be asked at the next connection), `joined`
// or `refused`. A lost connection turns joined into joining; only a refusal
// that may not be repeated, or `leave`, ends it; `left` is remembered while
// somebody counts on it. Several parts of a page may
// want the same room: joins are counted, and the last `leave` leaves. The
// server's scripts may put the client into rooms and take it out, too; a room
// that nobody here has joined is theirs to join again.

import { PerigeeError } from './codes.js';

const view = ({ room, state, data, error }) => ({ room, state, data, error });

const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export class Rooms {
  #client;
  #rooms = new Map();
  #due = new Set(); // rooms to ask for, oldest first

  /**
   * `client` has `live()`, `pump()`, which is called when there is one to ask
   * for, `ask(type, data)` → promise, `changed(room)` and
   * `later(name, tries, ms, fn)`, which calls `fn` unless disconnected first.
   */
  constructor(client) {
    this.#client = client;
  }

  list() {
    return [...this.#rooms.values()].map(view)
      .filter(({ state }) => state !== 'left');
  }

  /** The `data` of the next join that should be sent, if there is one. */
  get next() {
    const [room] = this.#due;
    return room && { ...room.hello, room: room.room };
  }

  join(name, hello) {
    const room = this.#rooms.get(name) || this.#add(name);
    room.count++;
    const isNews = hello !== undefined && !isSame(hello, room.hello);
    if (isNews) room.hello = hello;
    const isIn = room.state === 'joined';
    if ((isIn || room.state === 'joining') && !isNews) return room.answer;
    if (isIn) this.#promise(room); // and stays joined while it is asked
    else this.#open(room);
    const { answer } = room;
    if (this.#client.live()) this.#ask(room);
    return answer;
  }

  /** With `all`, for everybody who has joined. */
  leave(name, all) {
    const room = this.#rooms.get(name);
    if (room && --room.count > 0 && !all) return Promise.resolve();
    if (room) this.#forget(room, room.state === 'left');
    return this.#client.live() ? this.#bye(name) : Promise.resolve();
  }

  /** Asks for every room again. */
  rejoin() {
    for (const room of this.#rooms.values()) {
      if (room.state === 'refused' && room.error.retry) this.#open(room);
      if (room.state === 'joining') this.#due.add(room);
    }
  }

  /** Sends the join that `next` has shown. */
  askNext() {
    const data = this.next;
    const [room] = this.#due;
    this.#due.delete(room);
    const serial = ++room.serial;
    const isMine = () => this.#rooms.get(room.room) === room &&
      room.serial === serial;
    this.#client.ask('join', data).then(
      (answer) => isMine() && this.#joined(room, answer),
      (error) => isMine() && error.code !== 'DISCONNECTED' &&
        this.#failed(room, error),
    );
  }

  /** The connection is gone; with `error`, for good. */
  lost(error) {
    this.#due.clear();
    for (const room of [...this.#rooms.values()]) {
      if (room.count < 1) this.#forget(room);
      else if (room.state === 'joined') this.#open(room);
      if (error && room.state === 'joining') {
        this.#settle(room, 'reject', error);
        this.#promise(room);
      }
    }
  }

  /** A script has put the client into a room. */
  putIn(name, data) {
    const room = this.#rooms.get(name) || this.#add(name);
    if (room.state !== 'joining') this.#joined(room, data);
  }

  /** A script has taken it out; a join that is under way decides anew. */
  takenOut(name, data) {
    const room = this.#rooms.get(name);
    if (room?.state !== 'joined' || room.isPending) return;
    this.#become(room, 'left', data);
    if (room.count < 1) this.#rooms.delete(name);
  }

  #add(name) {
    const room = { room: name, count: 0, tries: 0, serial: 0 };
    this.#rooms.set(name, room);
    return room;
  }

  #forget(room, isKnown) {
    this.#rooms.delete(room.room);
    this.#due.delete(room);
    this.#settle(room, 'reject', new PerigeeError('LEFT'));
    if (!isKnown) this.#client.changed({ room: room.room, state: 'left' });
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

  #joined(room, data) {
    room.tries = 0;
    this.#promise(room);
    this.#become(room, 'joined', data);
    this.#settle(room, 'resolve', data);
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
    this.#become(room, 'refused', undefined, error);
    this.#settle(room, 'reject', error);
  }

  // A leave that came too early is said again, unless it was thought over.
  #bye(name) {
    return this.#client.ask('leave', { room: name }).catch((error) => {
      if (error.code !== 'RATE_LIMITED') throw error;
      return new Promise((resolve) => {
        this.#client.later(name, 0, error.retryAfterMs, () =>
          resolve(this.#rooms.has(name) ? undefined : this.#bye(name)));
      });
    });
  }

  #become(room, state, data, error) {
    Object.assign(room, { state, data, error });
    this.#client.changed(view(room));
  }
}
