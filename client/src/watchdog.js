// SPDX-License-Identifier: MIT
// Notices a server that has gone silent.
//
// The server pings, so silence for interval + timeout means that nobody is
// there. But timers of a hidden tab run late and those of a frozen one do not
// run at all: a watchdog that wakes up late has slept itself, and frames may
// lie unread behind it. It then asks (a ping) instead of judging.

const GRACE = 5000; // ms that an answer to our own ping may take
const LATE = 2000; // ms; a timer that is later than this has been held back

export class Watchdog {
  #clock;
  #timers;
  #ping;
  #dead;
  #limit = 0; // ms of silence that mean death
  #heard = 0; // when the last frame came

  /** `ping()` asks the server for a sign; `dead()` says that none came. */
  constructor(clock, timers, ping, dead) {
    this.#clock = clock;
    this.#timers = timers;
    this.#ping = ping;
    this.#dead = dead;
  }

  /** Watches for `limit` ms of silence; never, if the server named none. */
  start(limit) {
    this.#limit = limit;
    this.heard();
    if (limit > 0) this.#arm(limit);
  }

  /** A frame came, whatever it was. */
  heard() {
    this.#heard = this.#clock.now();
    this.#timers.clear('probe');
  }

  /** Asks for a sign of life now. */
  probe() {
    this.#timers.set('probe', GRACE, this.#dead);
    this.#ping();
  }

  #arm(ms) {
    const due = this.#clock.now() + ms;
    this.#timers.set('watch', ms, () => {
      const now = this.#clock.now();
      const left = this.#heard + this.#limit - now;
      if (left <= 0 && now - due < LATE) return this.#dead();
      if (left <= 0) this.probe();
      this.#arm(left > 0 ? Math.min(left, this.#limit) : this.#limit);
    });
  }
}
