// SPDX-License-Identifier: MIT
// Messages that wait for a connection, or for their turn, up to a limit.
//
// What the client itself has to say (`isOwn`: a `leave`, and the joins behind
// it) keeps its place among the application's messages. It does not count for
// the limit, and nobody sees it.

export class Outbox {
  #limit;
  #all = []; // { type, data, id, text, length, isOwn }, oldest first

  constructor(limit) {
    this.#limit = limit;
  }

  /** Those of the application. */
  get messages() {
    return this.#all.filter(({ isOwn }) => !isOwn);
  }

  get first() {
    return this.#all[0];
  }

  /** Something of the client's own waits. */
  get hasOwn() {
    return this.#all.some(({ isOwn }) => isOwn);
  }

  /** False if the box is full. */
  push(message) {
    if (!message.isOwn && this.messages.length >= this.#limit) return false;
    this.#all.push(message);
    return true;
  }

  /** Before the application's messages, behind the client's own. */
  place(message) {
    const own = this.#all.filter(({ isOwn }) => isOwn);
    this.#all.splice(this.#all.indexOf(own.at(-1)) + 1, 0, message);
  }

  has(id) {
    return this.#all.some((message) => message.id === id);
  }

  /** True if it was there. */
  remove(id) {
    const isThere = this.has(id);
    this.#all = this.#all.filter((message) => message.id !== id);
    return isThere;
  }

  /** Forgets what is the client's own. */
  removeOwn() {
    this.#all = this.messages;
  }
}
