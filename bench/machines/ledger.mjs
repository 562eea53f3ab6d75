// SPDX-License-Identifier: MIT
// What is known of all: what was said, and who heard it where.

export class Ledger {
  constructor() {
    this.counts = {};
    this.rooms = new Map();
    this.faults = this.excused = this.late = 0;
    this.acked = [];
    this.users = new Map(); // what the hooks have said: { isOn, ons, offs }
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

  // Somebody was told that something is missing.
  turned(name) {
    this.#room(name).turns++;
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

  // A line of a hook: they come in turn. `isDoubtful`: one before it may be
  // missing; `isLate`: it may be that one before it comes later, as the machine
  // that is to run it stands still.
  came(line, isDoubtful, isLate) {
    const [what, user, machine] = line.split(' ');
    const isOn = what === 'on';
    if (!this.users.has(user)) this.users.set(user, { isOn: false, ons: 0, offs: 0 });
    const one = this.users.get(user);
    if (one.isOn === isOn) {
      if (isDoubtful) this.excused++;
      else if (isLate) this.late++;
      else this.fault('online', `${user} is ${what} once more, says ${machine}`);
    }
    one.isOn = isOn;
    one[`${what}s`]++;
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
    const one = this.users.get(user) || { offs: 0 };
    this.excused++;
    this.users.set(user, { ...one, isOn: true, ons: one.offs + 1 });
  }
}
