// SPDX-License-Identifier: MIT
// The rooms the application wants to be in, whatever the connection does.
//
// A room is `joining` (asked, or to be asked at the next connection), `joined`
// or `refused`. A lost connection turns joined into joining; only a refusal
// that may not be repeated, or `leave`, ends it.

import { PerigeeError } from './codes.js';

const view = ({ room, state, data, error }) => ({ room, state, data, error });

export class Rooms {
  #client;
  #rooms = new Map();

  /**
   * `client` has `live()`, `ask(type, data)` → promise, `changed(room)` and
   * `later(name, tries, ms, fn)`, which calls `fn` unless disconnected first.
   */
  constructor(client) {
    this.#client = client;
  }

  list() {
    return [...this.#rooms.values()].map(view);
  }

  join(name, hello) {
    let room = this.#rooms.get(name);
    if (room?.state === 'joining') return room.answer;
    room = { room: name, hello, tries: 0 };
    this.#rooms.set(name, room);
    this.#open(room);
    if (this.#client.live()) this.#ask(room);
    return room.answer;
  }

  leave(name) {
    const room = this.#rooms.get(name);
    this.#rooms.delete(name);
    if (room) {
      room.reject(new PerigeeError('LEFT'));
      this.#client.changed({ room: name, state: 'left' });
    }
    if (!this.#client.live()) return Promise.resolve();
    return this.#client.ask('leave', { room: name });
  }

  /** Asks for every room again, all in one go. */
  rejoin() {
    for (const room of this.#rooms.values()) {
      if (room.state === 'refused' && room.error.retry) this.#open(room);
      if (room.state === 'joining') this.#ask(room);
    }
  }

  /** The connection is gone; with `error`, for good. */
  lost(error) {
    for (const room of [...this.#rooms.values()]) {
      if (room.state === 'joined') this.#open(room);
      if (error && room.state === 'joining') {
        room.reject(error);
        this.#promise(room);
      }
    }
  }

  #open(room) {
    this.#promise(room);
    this.#become(room, 'joining');
  }

  #promise(room) {
    room.answer = new Promise((resolve, reject) => {
      room.resolve = resolve;
      room.reject = reject;
    });
    room.answer.catch(() => {}); // who does not ask need not handle it
  }

  #ask(room) {
    const { hello, room: name } = room;
    const mine = () => this.#rooms.get(name) === room;
    this.#client.ask('join', { ...hello, room: name }).then(
      (data) => {
        if (!mine()) return;
        room.tries = 0;
        this.#become(room, 'joined', data);
        room.resolve(data);
      },
      (error) => {
        if (!mine() || error.code === 'DISCONNECTED') return;
        this.#failed(room, error);
      },
    );
  }

  // A server that is busy is asked again; a silent one at the next connection.
  #failed(room, error) {
    if (error.retry && error.code !== 'TIMEOUT') {
      this.#client.later(room.room, room.tries++, error.retryAfterMs, () => {
        if (this.#rooms.get(room.room) === room) this.#ask(room);
      });
      this.#become(room, 'joining', undefined, error);
      return;
    }
    this.#become(room, 'refused', undefined, error);
    room.reject(error);
  }

  #become(room, state, data, error) {
    Object.assign(room, { state, data, error });
    this.#client.changed(view(room));
  }
}
