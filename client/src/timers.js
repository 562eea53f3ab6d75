// SPDX-License-Identifier: MIT
// Named timers on a clock that can be passed in.

const LONGEST = 2 ** 31 - 1; // a longer setTimeout fires at once

/** The real clock, looked up late so that importing does nothing. */
export const realClock = {
  now: () => Date.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (timer) => clearTimeout(timer),
};

export class Timers {
  #clock;
  #running = new Map();

  constructor(clock) {
    this.#clock = clock;
  }

  /** Calls `fn` in `ms` milliseconds; replaces the timer of that name. */
  set(name, ms, fn) {
    this.clear(name);
    const fire = () => {
      this.#running.delete(name);
      if (ms > LONGEST) this.set(name, ms - LONGEST, fn);
      else fn();
    };
    const timer = this.#clock.setTimeout(fire, Math.min(ms, LONGEST));
    this.#running.set(name, timer);
  }

  clear(name) {
    this.#clock.clearTimeout(this.#running.get(name));
    this.#running.delete(name);
  }

  clearAll() {
    for (const name of this.#running.keys()) this.clear(name);
  }
}
