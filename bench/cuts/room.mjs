// SPDX-License-Identifier: MIT
// What one client knows of a room: its position, and whether anything was
// missed there without a word.

export class Room {
  constructor(user, name) {
    this.user = user;
    this.name = name;
    this.kind = name.slice(0, name.indexOf(':'));
    this.isMember = this.isLeaving = false;
    this.position = null; // { epoch, seq }: the newest that was received
    this.joining = null; // { since, early: messages before the reply }
    this.values = new Map(); // latest: key → seq
    this.base = 0; // what was up to here is not for us
  }

  get isNumbered() {
    return this.kind !== 'plain';
  }

  // A join is sent; returns its `since`.
  begin() {
    const since = this.position || undefined;
    this.joining = { since, early: [] };
    return since;
  }

  // The session is lost. What has come before the reply to a join is not
  // taken: it will come again.
  lost() {
    this.joining = null;
    this.isMember = this.isLeaving = false;
  }

  joined(reply) {
    const { epoch, seq, recovered } = reply || {};
    const { since, early } = this.joining;
    const { world } = this.user;
    this.joining = null;
    this.isMember = true;
    if (!this.isNumbered) return;
    if (typeof epoch !== 'string' || typeof seq !== 'number')
      return this.user.fault('contract', `${this.name} joined without position`);
    if (since) {
      world.count('joins', recovered ? 'recovered' : 'not recovered');
      if (typeof recovered !== 'boolean')
        this.user.fault('contract', `${this.name}: since, but no recovered`);
      if (recovered && (epoch !== since.epoch || seq < since.seq))
        this.user.fault('contract', `${this.name} recovered from `
          + `${since.epoch}/${since.seq} to ${epoch}/${seq}`);
    } else {
      world.count('joins', 'new');
    }
    this.position = recovered ? { ...since } : { epoch, seq };
    if (!recovered) this.restart();
    for (const message of early) this.number(message);
  }

  left() {
    this.isMember = this.isLeaving = false;
  }

  receive(message) {
    const { user } = this;
    if (!this.isNumbered) {
      if (!this.isMember && !this.joining)
        user.fault('contract', `${this.name}: a message after leaving`);
      return user.directed(this.name, message.data);
    }
    user.world.stats.down++;
    if (typeof message.seq !== 'number')
      user.fault('contract', `${this.name}: a message without seq`);
    else if (this.joining) this.joining.early.push(message);
    else if (!this.isMember)
      user.fault('contract', `${this.name}: ${message.seq} after leaving`);
    else this.number(message);
  }

  number({ seq, data }) {
    const { user, position } = this, next = position.seq + 1;
    if (seq < next)
      user.fault('twice down', `${this.name} ${position.epoch}/${seq}, ${next} is next`);
    if (seq > next && this.kind === 'latest') this.#skipped(next, seq);
    else if (seq > next)
      user.fault('missing down', `${this.name} ${position.epoch}/${seq}, ${next} is next`);
    position.seq = Math.max(position.seq, seq);
    if (data.key) this.values.set(data.key, seq);
    user.ledger.saw(user.name, this.name, position.epoch, seq, data);
  }

  #skipped(from, to) {
    this.user.world.stats.overwritten += to - from;
  }

  // We are told that what was up to here is not for us.
  restart() {
    this.base = this.position.seq;
    this.values.clear();
  }

  // The server has left something out, or the history is a new one. What is
  // missing of the same one is fetched.
  resync({ epoch, seq }) {
    const { user, position } = this;
    user.world.count('joins', 'resync');
    if (this.joining) return; // its reply will say where we are
    this.position = { epoch, seq };
    if (position.epoch !== epoch || this.isLeaving) this.restart();
    else if (seq > position.seq) user.catchUp(this, position.seq, seq, epoch);
    else user.fault('contract', `${this.name}: resync to ${seq} at ${position.seq}`);
  }

  // What `history` has answered for (after, to]: it ends there without gaps; if
  // it does not begin there, older ones are not kept any more.
  caughtUp({ epoch, messages, more }, after, to, asked) {
    const { user } = this;
    if (epoch !== asked) return;
    const news = messages.filter(({ seq }) => seq > after && seq <= to);
    let last = news.length ? news[0].seq - 1 : after;
    if (last > after) user.world.count('joins', 'resync past the history');
    for (const { seq, data } of news) {
      if (seq !== last + 1 && this.kind !== 'latest')
        user.fault('missing down', `${this.name}: history has ${seq} after ${last}`);
      user.ledger.saw(user.name, this.name, epoch, seq, data);
      last = seq;
    }
    if (more && last > after && last < to) user.catchUp(this, last, to, epoch);
    else if (last < to && this.kind !== 'latest')
      user.world.count('joins', 'resync without the history');
  }

  // What is wrong at the end of a round, when nothing is on the way; or null.
  problem() {
    const { ledger } = this.user;
    if (!this.isMember) return 'is not joined';
    if (!this.isNumbered) return null;
    const { top, tops } = ledger.summary(this.name, this.position.epoch);
    if (this.position.seq !== top)
      return `is at ${this.position.epoch}/${this.position.seq} of ${top}`;
    for (const [key, seq] of tops)
      if (this.kind === 'latest' && seq > this.base && this.values.get(key) !== seq)
        return `has ${key} of ${this.values.get(key)}, not ${seq}`;
    return null;
  }
}
