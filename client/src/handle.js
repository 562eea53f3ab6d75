// SPDX-License-Identifier: MIT
// One room, for those who have to do with that one only.

export class Room {
  #client;
  #rooms;
  #events; // by type and room
  #name;

  constructor(name, client, rooms, events) {
    this.#client = client;
    this.#rooms = rooms;
    this.#events = events;
    this.#name = name;
  }

  get name() {
    return this.#name;
  }

  /** As in `client.rooms`; a room that nobody is in has `left`. */
  get state() {
    return this.#rooms.get(this.#name)?.state ?? 'left';
  }

  get data() {
    return this.#rooms.get(this.#name)?.data;
  }

  get presence() {
    return this.#rooms.here(this.#name).users;
  }

  get count() {
    return this.#rooms.here(this.#name).count;
  }

  join(data) {
    return this.#client.join(this.#name, data);
  }

  leave(options) {
    return this.#client.leave(this.#name, options);
  }

  history(query) {
    return this.#client.request('history', { ...query, room: this.#name });
  }

  on(type, fn) {
    return this.#events.on(`${type} ${this.#name}`, fn);
  }

  once(type, fn) {
    return this.#events.once(`${type} ${this.#name}`, fn);
  }

  off(type, fn) {
    this.#events.off(`${type} ${this.#name}`, fn);
  }
}
