// SPDX-License-Identifier: MIT
// What is the same for all users: their names and numbers, and the checks of
// what comes to them directly.

export class Observer {
  constructor(world, index) {
    this.world = world;
    this.ledger = world.ledger;
    this.name = `u${index}`;
    this.session = null;
    this.n = this.sessions = 0;
    this.rooms = new Map();
  }

  fault(kind, text) {
    const s = this.session;
    this.ledger.fault(kind, this.name, s ? `conn ${s.conn}: ${text}` : text);
  }

  // The k-th message that a handler has sent to this client.
  pushed(k) {
    const s = this.session, next = s.pushed + 1;
    this.world.stats.down++;
    if (k > next) this.fault('missing down', `pushed ${k}, ${next} is next`);
    if (k < next) this.fault('twice down', `pushed ${k}, ${next} is next`);
    s.pushed = Math.max(s.pushed, k);
  }

  // A message to a user or to a room without history: in the order in which
  // one session has sent it.
  directed(to, { from, s: number, n }) {
    const s = this.session, what = `${from}:${n}`;
    const line = `${to}:${from}:${number}`, last = s.latest.get(line) || 0;
    this.world.stats.down++;
    if (s.got.has(what)) this.fault('twice down', `${to}: ${what}`);
    else if (n < last) this.fault('order down', `${to}: ${what} after ${last}`);
    s.got.add(what);
    s.latest.set(line, Math.max(n, last));
  }
}
