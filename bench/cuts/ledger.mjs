// SPDX-License-Identifier: MIT
// What everybody has sent and received, and what follows from it. Its clock
// counts events of this process: what was received before something else was
// sent had happened on the server before that.

// Kinds of faults, all of which must be 0. Up: from clients to the server.
const KINDS = ['missing up', 'missing down', 'twice up', 'twice down',
  'order up', 'order down', 'hooks', 'contract'];

export class Ledger {
  constructor({ shown = 20, print = console.log } = {}) {
    this.counts = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
    Object.assign(this, { shown, print, clock: 0 });
    this.addressed = []; // of this round, to plain rooms and to users
    this.answered = new Set(); // of this round: `from:n` whose reply has come
    this.handled = new Set(); // of this round: `from:n` in the trace
    this.rooms = new Map(); // room → { epochs, seqs }
    this.conns = new Map(); // connection → what it must do, and what it has done
    this.online = new Map();
    this.highest = new Map(); // user → of the numbers handled
  }

  fault(kind, who, text) {
    this.counts[kind]++;
    if (this.shown-- > 0)
      this.print(`FAULT ${kind}: ${who}: ${text}`);
  }

  get faults() {
    return Object.values(this.counts).reduce((a, b) => a + b);
  }

  tick() {
    return ++this.clock;
  }

  #room(name) {
    let room = this.rooms.get(name);
    if (!room)
      this.rooms.set(name, room = { epochs: new Map(), seqs: new Map(), top: 0 });
    return room;
  }

  // Somebody has received this as number `seq`: everybody must see the same
  // there, and see it nowhere else.
  saw(who, name, epoch, seq, { from, n, key }) {
    const room = this.#room(name);
    const { numbers, tops } = this.#epoch(room, epoch);
    const what = `${from}:${n}`;
    const known = numbers.get(seq);
    if (key) tops.set(key, Math.max(seq, tops.get(key) || 0));
    if (known && known !== what)
      this.fault('order down', who,
        `${name} ${epoch}/${seq} is ${what}, for others ${known}`);
    numbers.set(seq, what);
    this.#numbered(who, name, room, what, seq);
  }

  #epoch(room, name) {
    let epoch = room.epochs.get(name);
    if (!epoch)
      room.epochs.set(name, epoch = { numbers: new Map(), tops: new Map() });
    return epoch;
  }

  // The last number of a room, and those of its keys. A room that was forgotten
  // has had several countings: only what was received tells.
  summary(name, epochName) {
    const room = this.#room(name);
    const { numbers, tops } = this.#epoch(room, epochName);
    const seen = Math.max(0, ...[...numbers.keys()].slice(-50));
    return { top: room.isForgotten ? seen : room.top, tops };
  }

  #numbered(who, name, room, what, seq) {
    const known = room.seqs.get(what);
    if (known !== undefined && known !== seq)
      this.fault('twice down', who, `${name}: ${what} is ${known} and ${seq}`);
    room.seqs.set(what, seq);
  }

  // ---- the trace of the server ----

  // A session begins: its messages must be handled in the order in which they
  // are added to `order`.
  expect(conn, user, order) {
    this.conns.set(conn, { user, order, done: 0, pushed: 0, ...this.conns.get(conn) });
    Object.assign(this.conns.get(conn), { user, order });
  }

  #conn(id) {
    let conn = this.conns.get(id);
    if (!conn) this.conns.set(id, conn = { done: 0, pushed: 0 });
    return conn;
  }

  read(lines) {
    for (const line of lines) {
      const [what, ...rest] = line.split(' ');
      if (what === 'h') this.#wasHandled(Number(rest[0]), rest[1], Number(rest[2]));
      else if (what === 'p') this.#conn(Number(rest[0])).pushed = Number(rest[1]);
      else if (what === 'r') this.#wasNumbered(rest);
      else if (what === 'f') this.#room(rest[0]).isForgotten = true;
      else if (what === 'online' || what === 'offline') this.#line(what, rest[0]);
      else if (rest.length >= 2) this.#hook(what, Number(rest[0]), rest[1]);
    }
  }

  #wasHandled(id, user, n) {
    const conn = this.#conn(id);
    this.handled.add(`${user}:${n}`);
    if (conn.isGone)
      this.fault('hooks', user, `conn ${id}: ${n} after @disconnect`);
    if (!conn.order) {
      this.#inOrder(id, conn, user, n);
      return;
    }
    const wanted = conn.order[conn.done];
    if (n === wanted) {
      conn.done++;
      return;
    }
    const at = conn.order.indexOf(n);
    const kind = at < 0 || at < conn.done ? 'twice up' : 'missing up';
    this.fault(kind, user, `conn ${id} handles ${n}, ${wanted} is next`);
    if (at >= 0) conn.done = at + 1;
  }

  // Of clients whose sessions we do not know: they send nothing twice.
  #inOrder(id, conn, user, n) {
    const last = this.highest.get(user) || 0;
    if (n <= last)
      this.fault(n === conn.last ? 'twice up' : 'order up', user,
        `conn ${id} handles ${n} after ${last}`);
    this.highest.set(user, Math.max(n, last));
    conn.last = n;
  }

  #wasNumbered([name, seq, user, n]) {
    const room = this.#room(name);
    room.top = Math.max(room.top, Number(seq));
    this.#numbered('publisher', name, room, `${user}:${n}`, Number(seq));
  }

  #hook(what, id, user) {
    const conn = this.#conn(id);
    const wrong = what === 'connect' ? conn.isConnected
      : conn.isGone || !conn.isConnected;
    if (wrong)
      this.fault('hooks', user, `conn ${id}: @${what} once more, or too late`);
    if (what === 'away' && conn.isAway)
      this.fault('hooks', user, `conn ${id}: @away twice`);
    if (what === 'connect') conn.isConnected = true;
    if (what === 'disconnect') conn.isGone = true;
    conn.isAway = what === 'away';
  }

  #line(what, user) {
    if ((this.online.get(user) || 'offline') === what)
      this.fault('hooks', user, `@${what} twice`);
    this.online.set(user, what);
  }

  // ---- the end of a round ----

  // Calls `each(session, message)` for every message of this round that a
  // session, which was there and still is, should have and has not.
  absent(users, each) {
    const bySession = new Map();
    for (const user of users) {
      if (!user.session) continue;
      bySession.set(user.name, [[user.session, user.session.since]]);
      for (const [room, since] of user.session.members) {
        if (!bySession.has(room)) bySession.set(room, []);
        bySession.get(room).push([user.session, since]);
      }
    }
    for (const message of this.addressed) {
      const what = `${message.from}:${message.n}`;
      if (!this.handled.has(what)) continue;
      for (const [session, since] of bySession.get(message.to) || [])
        if (since < message.at && !session.got.has(what)) each(session, message);
    }
  }

  // Forgets what this round has settled.
  settle(users) {
    this.addressed = [];
    this.answered.clear();
    this.handled.clear();
    for (const user of users)
      if (user.session) user.session.got.clear();
  }
}
