// SPDX-License-Identifier: MIT
// Messages that wait for a connection, or for their turn, up to a limit.

export class Outbox {
  #limit;
  #messages = []; // { type, data, id, text }, oldest first

  constructor(limit) {
    this.#limit = limit;
  }

  get messages() {
    return [...this.#messages];
  }

  get first() {
    return this.#messages[0];
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
