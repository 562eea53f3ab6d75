// SPDX-License-Identifier: MIT
// What is known of all: what was said, and who heard it where.

export class Ledger {
  constructor() {
    this.counts = {};
    this.rooms = new Map();
    this.faults = this.excused = this.late = this.twiceSaid = 0;
    this.acked = [];
    this.users = new Map(); // what the hooks have said: { isOn, ons, offs, more }
    this.direct = null; // what is to arrive, while it is counted
    this.heardCount = 0;
  }

  fault(kind, text) {
    this.faults++;
    this.counts[kind] = (this.counts[kind] || 0) + 1;
    if (this.counts[kind] <= 20)
      console.log(`FAULT ${new Date().toISOString().slice(11, 23)} ${kind}: ${text}`);
  }

  #room(name) {
    if (!this.rooms.has(name)) this.rooms.set(name, { turns: 0, heard: new Set() });
    return this.rooms.get(name);
  }

  // Somebody was told that something is missing. What he was to hear in calm may
  // be in that: a Redis that forgot just before has rooms that are found later.
  turned(member, name) {
    this.#room(name).turns++;
    for (const one of this.direct || [])
      if (one.startsWith(`${member.name} ${name} `)) this.direct.delete(one);
  }

  // How often that was so.
  changes(name) {
    return this.#room(name).turns;
  }

  heard(member, name, what) {
    const room = this.#room(name);
    this.heardCount++;
    room.heard.add(what);
    if (this.direct) this.direct.delete(`${member.name} ${name} ${what}`);
  }

  said({ room, s, n }, seq, at) {
    this.acked.push({ room, what: `${s}:${n}`, seq, at });
  }

  arrived(member, to, s, n) {
    if (this.direct) this.direct.delete(`${member.name} ${to} ${s}:${n}`);
  }

  // In calm. Since they were told of a loss, or always, all have heard the same
  // in one place, and nothing in two. What was acknowledged was heard by
  // somebody, or somebody was told since.
  settle(members) {
    const orders = new Map();
    for (const member of members)
      for (const place of member.places.values())
        if (place.isNumbered) this.#compare(orders, member, place);
    for (const { room: name, what, seq, at } of this.acked.splice(0)) {
      const room = this.#room(name);
      if (!room.heard.has(what) && room.turns <= at)
        this.fault('missing', `${name}: ${what} was acknowledged as ${seq}, and `
          + 'nobody has heard it');
    }
  }

  #compare(orders, member, { name, run }) {
    if (!orders.has(name)) orders.set(name, new Map());
    const order = orders.get(name), places = new Map();
    for (const [seq, what] of run) {
      const other = order.get(seq), before = places.get(what);
      if (other && other !== what)
        this.fault('order', `${member.name}: ${name} ${seq} is ${what}, for others ${other}`);
      if (before)
        this.fault('twice', `${member.name}: ${name} has ${what} at ${before} and ${seq}`);
      order.set(seq, what);
      places.set(what, seq);
    }
  }

  #user(user) {
    if (!this.users.has(user))
      this.users.set(user, { isOn: false, ons: 0, offs: 0, more: 0 });
    return this.users.get(user);
  }

  // A line of a hook: they come in turn. `isDoubtful`: one before it may be
  // missing; `isLate`: it may be that one before it comes later, as the machine
  // that is to run it stands still.
  came(line, isDoubtful, isLate) {
    const [what, user, machine] = line.split(' ');
    const isOn = what === 'on', one = this.#user(user);
    if (one.isOn === isOn) {
      if (isDoubtful) this.excused++;
      else if (isLate) this.late++;
      else {
        one.more++;
        one.latest = `${what} once more, says ${machine}`;
      }
    }
    one.isOn = isOn;
    one[`${what}s`]++;
  }

  // A machine says itself that it has said this when others had taken it for dead
  // and took its word back, so that one of them has said it, too. That is the one
  // thing that cannot be told once, and it is counted one by one.
  twice(user, what) {
    this.twiceSaid++;
    this.#user(user)[`${what}s`]--;
    this.#user(user).more--;
  }

  // In calm: what was said once more, and nobody knows why.
  settleUsers() {
    for (const [user, one] of this.users) {
      if (one.more > 0) this.fault('online', `${user} is ${one.latest}`);
      one.more = 0;
    }
  }

  // Whether as many have come as have gone; in calm, when all have been heard.
  isEven(user, isHere) {
    const one = this.users.get(user);
    if (!one || one.ons - one.offs !== (isHere ? 1 : 0)) return false;
    one.isOn = isHere;
    return true;
  }

  told(user) {
    const { ons = 0, offs = 0 } = this.users.get(user) || {};
    return `was said to come ${ons} times, and to go ${offs} times`;
  }

  // Known from elsewhere, after a round of which hooks may be missing.
  isHere(user) {
    if (this.isEven(user, true)) return;
    const one = this.#user(user);
    this.excused++;
    this.users.set(user, { ...one, isOn: true, ons: one.offs + 1 });
  }
}
