// SPDX-License-Identifier: MIT
// How fast the server lets us talk: its two token buckets, kept here as well.
//
// The server refuses what is over its rates, so what can wait (rooms to join
// again, a queue) waits here instead. A share is left for what else leaves
// (answers to pings, a network that delivers in lumps).

const SHARE = 0.9;

// What a server allows that does not say so: the defaults of its options.
const USUAL = { messages_per_s: 50, burst: 100, bytes_per_s: 1 << 18 };

export class Pacer {
  #clock;
  #buckets = [];
  #until = 0; // when a pause ends

  constructor(clock) {
    this.#clock = clock;
  }

  /** Takes over what `auth_ok` says; a rate of 0 is no limit. */
  adopt(limits) {
    const { messages_per_s, burst, bytes_per_s, bytes_burst = bytes_per_s } =
      { ...USUAL, ...limits };
    const [messages, bytes] = this.#buckets;
    const at = this.#clock.now();
    const bucket = (old, rate, size, spent) => ({ at, spent, ...old,
      rate: rate * SHARE / 1000, size: Math.max(size * SHARE, 1) });
    this.#buckets = [
      bucket(messages, messages_per_s, burst, 1), // the auth
      bucket(bytes, bytes_per_s, bytes_burst, 0),
    ];
  }

  /** Milliseconds until a message of `length` bytes may leave; 0: now. */
  wait(length) {
    const now = this.#clock.now();
    let ms = Math.max(0, this.#until - now);
    for (const [bucket, cost] of this.#costs(length)) {
      const { spent, size, rate } = bucket;
      const excess = Math.min(spent, spent + cost - size);
      if (rate > 0 && excess > 0) ms = Math.max(ms, Math.ceil(excess / rate));
    }
    return ms;
  }

  /** Counts a message that leaves. */
  spend(length) {
    for (const [bucket, cost] of this.#costs(length)) bucket.spent += cost;
  }

  /** Lets nothing leave for `ms`: the server has refused something. */
  pause(ms) {
    this.#until = Math.max(this.#until, this.#clock.now() + ms);
  }

  // The buckets, refilled, and what the message takes of each.
  #costs(length) {
    const now = this.#clock.now();
    return this.#buckets.map((bucket, i) => {
      const passed = Math.max(0, now - bucket.at); // a clock may be set back
      bucket.spent = Math.max(0, bucket.spent - passed * bucket.rate);
      bucket.at = now;
      return [bucket, i ? length : 1];
    });
  }
}
