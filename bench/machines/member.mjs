// SPDX-License-Identifier: MIT
// A client without a session: it comes back to any machine, with its positions.
import { sign } from '../cuts/server.mjs';
import { Wire } from '../cuts/wire.mjs';

// What it knows of a room.
class Place {
  constructor(member, name) {
    Object.assign(this, { member, name, isJoined: false, position: null });
    this.isNumbered = !name.startsWith('plain');
    this.roster = null; // user → devices
    this.run = new Map(); // what was heard, by seq, since it was told last
  }

  // From now on: what was heard before may have been something else, or not all.
  told({ epoch, seq }) {
    if (this.position) this.member.world.ledger.turned(this.member, this.name);
    this.position = { epoch, seq };
    this.run.clear();
  }

  lost() {
    this.isJoined = false;
    this.roster = null;
    this.early = [];
  }

  // The answer to a join. What came before it was missed, and comes first.
  joined({ epoch, seq, recovered, presence }) {
    const { world } = this.member;
    this.isJoined = true;
    if (presence) this.roster = new Map(presence.map(({ user, devices }) =>
      [user, devices]));
    if (!this.isNumbered) return;
    const { position: since } = this;
    if (since) world.count(recovered ? 'recovered' : 'not recovered');
    if (!since || !recovered) this.told({ epoch, seq });
    else if (since.epoch !== epoch)
      this.member.fault('contract', `${this.name} recovered from ${since.epoch} to ${epoch}`);
    const early = this.early;
    this.early = [];
    for (const message of early) this.number(message);
  }

  hear(message) {
    const { world } = this.member;
    if (world.o.lie && !world.isCalm && this.isNumbered
      && this.member.random.chance(0.02)) {
      if (world.o.lie === 'lose') return;
      this.#take(message);
    }
    this.#take(message);
  }

  #take(message) {
    if (!this.isNumbered) return this.member.direct(this.name, message.data);
    if (!this.isJoined) this.early.push(message);
    else this.number(message);
  }

  number({ seq, data }) {
    const { member, position } = this, next = position.seq + 1;
    if (seq !== next)
      member.fault(seq < next ? 'twice' : 'missing',
        `${this.name} ${position.epoch}:${seq}, ${next} is next`);
    position.seq = Math.max(seq, position.seq);
    const what = `${data.s}:${data.n}`;
    this.run.set(seq, what);
    member.world.ledger.heard(member, this.name, what);
  }

  resync({ epoch, seq }) {
    this.member.world.count('resync');
    if (this.isJoined) this.told({ epoch, seq });
  }

  // Who comes and goes. The answer to a join may have had some of it.
  presence({ joined = [], left = [], changed = [] }) {
    if (!this.roster) return;
    for (const { user, devices } of [...joined, ...changed])
      this.roster.set(user, devices);
    for (const user of left) this.roster.delete(user);
  }
}

export class Member {
  constructor(world, user, device, rooms, random) {
    Object.assign(this, { world, user, random, name: `${user}/${device}` });
    this.places = new Map(rooms.map((name) => [name, new Place(this, name)]));
    this.n = this.ids = this.lives = 0;
    this.isWanted = true; // else it stays away
    this.again = []; // what is said once more
    this.at = new WeakMap(); // when that was said first
    this.waiting = new Map();
  }

  fault(kind, text) {
    const at = this.machine ? ` at ${this.machine.name}` : '';
    this.world.ledger.fault(kind, `${this.name}${at}: ${text}`);
  }

  // What was said last.
  get latestSaid() {
    return `${this.#source}:${this.n}`;
  }

  get isSettled() {
    return this.isReady && !this.waiting.size && !this.again.length
      && [...this.places.values()].every(({ isJoined }) => isJoined);
  }

  connect() {
    const machine = this.world.pickMachine(this.random);
    if (this.wire || !this.isWanted || this.world.isOver) return;
    if (!machine) return void this.#later();
    this.machine = machine;
    this.isReady = false;
    this.lives++;
    this.latest = new Map();
    this.heardAt = Date.now();
    for (const place of this.places.values()) place.lost();
    this.wire = new Wire(machine.port, { on: {
      open: () => this.wire.send(JSON.stringify({ type: 'auth',
        data: { token: sign(this.user) } })),
      message: (text) => this.#message(JSON.parse(text)),
      closed: () => this.#lost(),
    } });
  }

  #later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), this.random.between(10, 300));
  }

  #lost() {
    this.wire = null;
    this.isReady = false;
    for (const place of this.places.values()) place.lost();
    for (const one of this.waiting.values()) if (one.data?.id) this.again.push(one);
    this.waiting.clear();
    this.#later();
  }

  leave() {
    this.isWanted = false;
    clearTimeout(this.timer);
    if (!this.wire) return;
    this.wire.close(1000);
    const { wire } = this;
    setTimeout(() => wire.socket.destroy(), 2000);
  }

  come() {
    this.isWanted = true;
    this.#later();
  }

  // Without an answer for so long the machine is taken for lost.
  watch(now, patience) {
    const late = [...this.waiting.values()].some(({ at }) => now - at > patience);
    const slow = this.wire && !this.isReady && now - this.heardAt > patience;
    if ((late || slow) && now - this.heardAt > patience / 2) {
      this.world.count('given up');
      this.wire.drop();
      this.#lost();
    }
  }

  request(type, data, done) {
    const id = ++this.ids;
    this.waiting.set(id, { type, data, done, at: Date.now() });
    this.wire.send(JSON.stringify({ type, id, data }));
  }

  // Order is that of one connection.
  get #source() {
    return `${this.name}.${this.lives}`;
  }

  // The n-th message of this device; with an id it may be said again.
  say(room) {
    const n = ++this.n, s = this.#source;
    const id = !room.startsWith('plain') && this.random.chance(0.5)
      ? `${s}:${n}` : undefined;
    this.#say({ room, n, s, id });
  }

  #say(data) {
    this.at.set(data, this.at.get(data) ?? this.world.ledger.changes(data.room));
    this.request('say', data, (answer) => {
      if (!data.room.startsWith('plain'))
        this.world.ledger.said(data, answer.seq, this.at.get(data));
    });
  }

  tell(to) {
    this.request('tell', { to, n: ++this.n, s: this.#source });
  }

  join(place) {
    const since = place.position || undefined;
    this.request('join', { room: place.name, since }, (answer) =>
      place.joined(answer || {}));
  }

  #message(message) {
    const { type, data, room, id } = message;
    this.heardAt = Date.now();
    if (type === 'auth_ok') {
      this.isReady = true;
      for (const place of this.places.values()) this.join(place);
      for (const one of this.again.splice(0)) this.#say(one.data);
    } else if (type === 'ping') {
      this.wire.send('{"type":"pong"}');
    } else if (id !== undefined) {
      this.#answer(id, type, data);
    } else if (type === 'said') {
      this.places.get(room).hear(message);
    } else if (type === 'told') {
      this.direct('', data);
    } else if (type === 'resync') {
      this.places.get(room).resync(data);
    } else if (type === 'presence') {
      this.places.get(room).presence(data);
    } else if (type !== 'goodbye') {
      this.fault('contract', `strange: ${JSON.stringify(message)}`);
    }
  }

  #answer(id, type, data) {
    const one = this.waiting.get(id);
    this.waiting.delete(id);
    if (!one) return this.fault('twice', `an answer to ${id}`);
    if (type !== 'error') return one.done?.(data);
    this.world.count(data.code);
    if (data.code !== 'UNAVAILABLE')
      return this.fault('contract', `${one.type}: ${JSON.stringify(data)}`);
    // Joins, and what has an id, are tried again.
    const { wire } = this;
    if (one.data.id) this.again.push(one);
    setTimeout(() => {
      if (wire !== this.wire || !this.isReady) return;
      if (one.type === 'join') this.join(this.places.get(one.data.room));
      const at = this.again.indexOf(one);
      if (at < 0) return;
      this.again.splice(at, 1);
      this.#say(one.data);
    }, this.random.between(50, 400));
  }

  // Without numbers: what one device sends comes in its order, and once.
  direct(to, { s, n }) {
    const line = `${to} ${s}`, last = this.latest.get(line) || 0;
    if (n === last) this.fault('twice', `${line}:${n}`);
    // A master of a cluster that has stood still may say later what it was told.
    const { redis, isDoubtful } = this.world;
    if (n < last && redis?.kind === 'cluster' && isDoubtful) this.world.count('told late');
    else if (n < last) this.fault('order', `${line}:${n} after ${last}`);
    this.latest.set(line, Math.max(n, last));
    this.world.ledger.arrived(this, to, s, n);
  }
}
