// SPDX-License-Identifier: MIT
// How far the application has come in the numbered messages of one room.
//
// Numbers come with pushes; the name of the counting, the epoch, comes with the
// answer to a join. Normally each push is simply the next one. After a `resync`
// some are missing: until they have been fetched, what comes behind the hole is
// left out, because it will be fetched as well.

export const isPosition = (data) =>
  typeof data?.epoch === 'string' && Number.isInteger(data.seq);

export class Position {
  #epoch; // undefined: the room has no history, as far as we know
  #seq = 0;
  #isSeen = false; // a push, since the last join was asked for
  #target = 0; // the last message that is known of and was left out

  /** `{ epoch, seq }`, or undefined. */
  get now() {
    return this.#epoch === undefined ? undefined
      : { epoch: this.#epoch, seq: this.#seq };
  }

  /** Messages are missing, and what comes behind them is left out. */
  get isBehind() {
    return this.#target > this.#seq;
  }

  /** A join is asked for: what comes from now on belongs to it. */
  asked() {
    this.#isSeen = false;
  }

  /** The room is to be joined again: what is missing will come with that. */
  lost() {
    this.#target = 0;
  }

  /**
   * The answer to that join, which named `since`. Returns what is lost, if
   * something is: `{ epoch, seq, since }`.
   */
  answered(data, since) {
    if (!isPosition(data)) {
      this.#epoch = undefined;
      return undefined;
    }
    const { epoch, seq, recovered } = data;
    if (!recovered) this.#seq = this.#later(epoch, seq);
    // The missed messages may be still to come, so `seq` is not ours yet.
    else if (!this.now && !this.#isSeen) {
      this.#seq = since?.seq ?? Math.max(0, seq - (since?.last ?? 0));
    }
    this.#epoch = epoch;
    return recovered === false ? { epoch, seq, since } : undefined;
  }

  // A push of the present counting may have come before the answer.
  #later(epoch, seq) {
    return this.#isSeen || epoch === this.#epoch
      ? Math.max(this.#seq, seq) : seq;
  }

  /** A push with that number came; true if it is its turn. */
  take(seq) {
    const isNext = !this.isBehind || seq === this.#seq + 1;
    if (isNext) this.#seq = seq;
    else this.#target = Math.max(this.#target, seq);
    this.#isSeen = true;
    return isNext;
  }

  /**
   * The server has left out messages up to `to`. Returns what is lost; nothing
   * if it can be fetched: then the position `isBehind`.
   */
  missed(to) {
    if (to.epoch !== this.#epoch) return this.skip(to);
    this.#target = Math.max(this.#target, to.seq);
    return undefined;
  }

  /** Gives up what is missing before `to`. Returns what is lost. */
  skip(to = { epoch: this.#epoch, seq: this.#target }) {
    const since = this.now;
    if (to.epoch !== this.#epoch) this.#target = 0;
    this.#epoch = to.epoch;
    this.#seq = to.seq;
    return { ...to, since };
  }
}
