// SPDX-License-Identifier: MIT
// Messages that wait for a connection, up to a limit.

export class Outbox {
  #limit;
  #messages = []; // { type, data, id, text }, oldest first

  constructor(limit) {
    this.#limit = limit;
  }

  get messages() {
    return [...this.#messages];
  }

  /** False if the box is full. */
  push(message) {
    if (this.#messages.length >= this.#limit) return false;
    this.#messages.push(message);
    return true;
  }

  has(id) {
    return this.#messages.some((message) => message.id === id);
  }

  remove(message) {
    this.#messages = this.#messages.filter((other) => other !== message);
  }
}
