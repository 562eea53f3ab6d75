// SPDX-License-Identifier: MIT
// A clock that stands still until a test moves it.

export class FakeClock {
  #now = 1e12;
  #timers = new Set();

  now = () => this.#now;

  setTimeout = (fn, ms) => {
    const timer = { fn, at: this.#now + ms };
    this.#timers.add(timer);
    return timer;
  };

  clearTimeout = (timer) => this.#timers.delete(timer);

  /** How many timers there are. */
  get running() {
    return this.#timers.size;
  }

  /** Lets `ms` pass, firing each timer at its moment. */
  advance(ms) {
    const end = this.#now + ms;
    for (let next; (next = this.#due(end)); ) {
      this.#now = next.at;
      this.#timers.delete(next);
      next.fn();
    }
    this.#now = end;
  }

  /** Lets `ms` pass as a sleeping machine does: timers fire late, at its end. */
  sleep(ms) {
    this.#now += ms;
    for (let next; (next = this.#due(this.#now)); ) {
      this.#timers.delete(next);
      next.fn();
    }
  }

  #due(end) {
    return [...this.#timers].sort((a, b) => a.at - b.at)
      .find((timer) => timer.at <= end);
  }
}
