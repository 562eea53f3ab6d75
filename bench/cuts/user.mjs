// SPDX-License-Identifier: MIT
// A user with one device, whose client does what the protocol says and nothing
// else: it counts, acknowledges, resumes, sends again, and joins again with
// positions. It checks what it receives as it comes.
import { Observer } from './observer.mjs';
import { Room } from './room.mjs';
import { sign } from './server.mjs';
import { derive } from './random.mjs';
import { Wire } from './wire.mjs';

const UNCOUNTED = new Set(['auth_ok', 'auth_error', 'ping', 'pong', 'goodbye']);

export class User extends Observer {
  constructor(world, index) {
    super(world, index);
    this.random = derive(world.seed, this.name);
    this.token = sign(this.name);
    this.wire = null;
    this.isReady = false;
    this.joins = this.refreshes = 0;
    this.again = []; // messages of lost sessions that may be sent once more
  }

  // ---- the connection ----

  connect() {
    if (this.world.isOver) return;
    this.timer = null;
    const wire = this.wire = new Wire(this.world.proxy.port, {
      secure: this.world.secure,
      on: {
        open: () => this.#authenticate(wire),
        message: (text) => this.wire === wire && this.#receive(text),
        closed: (code) => this.wire === wire && this.#closed(code),
      },
    });
    // A client gives up when the answer to its auth does not come.
    this.watchdog = setTimeout(() => this.wire === wire && !this.isReady
      && this.leave('drop'), this.world.patience);
  }

  #authenticate(wire) {
    const s = this.session;
    this.asked = s ? { id: s.id, received: s.received } : {};
    wire.send(JSON.stringify({ type: 'auth',
      data: { token: this.token, session: this.asked } }));
  }

  // Ends the connection: 'drop', 'abandon' (the server does not notice), or a
  // close frame with this code.
  leave(how) {
    const wire = this.wire;
    if (!wire) return;
    if (how === 'abandon') wire.abandon(this.random.between(100, 3000));
    else if (how === 'drop') wire.drop();
    else if (wire.isOpen) wire.close(how), setTimeout(() => wire.drop(), 100);
    else wire.drop();
    this.#closed(null);
  }

  #closed(code) {
    clearTimeout(this.watchdog);
    if (this.wire?.refused) this.fault('contract', this.wire.refused);
    if (code) this.world.count('closes', code);
    this.wire = null;
    this.isReady = this.isRefreshing = false;
    if (this.timer || this.world.isOver) return;
    this.timer = setTimeout(() => this.connect(), this.world.pause(this.random));
  }

  // ---- what is received ----

  #receive(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return this.fault('contract', `no JSON: ${text.slice(0, 200)}`);
    }
    if (UNCOUNTED.has(message.type)) return this.#connection(message);
    if (!this.session || !this.isReady)
      return this.fault('contract', `before auth_ok: ${text.slice(0, 200)}`);
    this.session.received++;
    if (this.#lies('lose-down')) return;
    this.#dispatch(message);
    if (this.#lies('twice-down')) this.#dispatch(message);
  }

  // Every fiftieth message is treated wrongly on purpose, if asked for: the
  // checker must see that.
  #lies(how) {
    return this.world.lie === how && ++this.world.lies % 50 === 0;
  }

  #dispatch(message) {
    const { type, data } = message;
    if (type === 'reply' || type === 'error') this.#answered(message);
    else if (type === 'pushed') this.pushed(data.k);
    else if (type === 'told') this.directed(this.name, data);
    else this.#inRoom(message);
  }

  #connection({ type, data }) {
    if (type === 'auth_ok') this.#welcome(data);
    else if (type === 'auth_error') this.fault('contract', `auth_error ${data.code}`);
    else if (type === 'goodbye' || !this.session) return;
    else if (data?.received !== undefined) this.#taken(data.received);
    if (type === 'ping') this.acknowledge();
  }

  acknowledge() {
    const data = this.session && { received: this.session.received };
    this.wire.send(JSON.stringify({ type: 'pong', data: data || undefined }));
  }

  // The server has the first `count` of this session's messages.
  #taken(count) {
    const s = this.session;
    if (!(count >= s.taken && count <= s.sent))
      return this.fault('contract', `received ${count} of ${s.taken}..${s.sent}`);
    s.kept.splice(0, count - s.taken);
    s.taken = count;
  }

  #welcome(data) {
    const s = this.session, answer = data.session;
    if (this.isReady && this.refreshes > 0) {
      this.isRefreshing = false; // or the refresh was sent before a resume
      this.refreshes--;
      return;
    }
    clearTimeout(this.watchdog);
    if (!answer?.id)
      return this.fault('contract', `${this.isReady ? 'one more' : 'an'} auth_ok `
        + `without session: ${JSON.stringify(data)}, asked ${JSON.stringify(this.asked)}`);
    this.isReady = true;
    if (!this.asked.id) return this.#begin(data);
    if (!answer.resumed) {
      this.world.count('resumes', 'refused');
      this.lose();
      return this.#begin(data);
    }
    this.world.count('resumes', 'accepted');
    if (data.conn !== s.conn || answer.id !== s.id)
      this.fault('contract', `resumed as conn ${data.conn}`);
    this.#taken(answer.received);
    for (const text of s.kept) this.wire.send(text);
    this.world.stats.resent += s.kept.length;
  }

  #begin({ conn, session: { id } }) {
    this.session = { id, conn, number: ++this.sessions, sent: 0, taken: 0,
      received: 0, kept: [], pushed: 0, waiting: [], order: [], got: new Set(),
      latest: new Map(), members: new Map(), since: this.ledger.tick() };
    this.ledger.expect(conn, this.name, this.session.order);
    for (const room of this.rooms.values()) this.join(room);
    for (const { type, data } of this.again.splice(0)) this.request(type, data);
  }

  // The server has told that the session is over, and with it what has no
  // answer. What may be sent once more will be.
  lose() {
    for (const waiting of this.session.waiting)
      if (waiting.data?.once) this.again.push(waiting);
    for (const room of this.rooms.values()) room.lost();
    this.session = null;
  }

  // ---- what is sent ----

  // Also without a connection: it is kept and sent after the resume.
  send(message) {
    const s = this.session, text = JSON.stringify(message);
    s.sent++;
    s.kept.push(text);
    this.world.stats.up++;
    if (!this.isReady || this.#lies('lose-up')) return;
    this.wire.send(text);
    if (this.#lies('twice-up')) this.wire.send(text);
  }

  // Sends a numbered message to a handler.
  request(type, data) {
    const s = this.session;
    data.n = data.n || ++this.n;
    data.s = s.number;
    s.order.push(data.n);
    s.waiting.push({ id: data.n, type, data });
    if (data.to || data.room?.startsWith('plain:'))
      this.ledger.addressed.push({ to: data.to || data.room, from: this.name,
        n: data.n, at: this.ledger.tick() });
    this.send({ type, id: data.n, data });
  }

  #builtin(type, data, done) {
    const id = `${type}-${++this.joins}`;
    this.session.waiting.push({ id, done });
    this.send({ type, id, data });
  }

  join(room) {
    const since = room.begin();
    this.#builtin('join', { room: room.name, since }, (reply) => {
      this.session.members.set(room.name, this.ledger.tick());
      room.joined(reply);
    });
  }

  leaveRoom(room) {
    this.session.members.delete(room.name);
    room.isLeaving = true;
    this.#builtin('leave', { room: room.name }, () => room.left());
  }

  // Asks for the messages (after, to] of a room.
  catchUp(room, after, to, epoch) {
    this.#builtin('history', { room: room.name, after, limit: 100 }, (reply) =>
      room.caughtUp(reply, after, to, epoch));
  }

  #answered({ id, type, data }) {
    const { waiting } = this.session;
    const at = waiting.findIndex((one) => one.id === id);
    if (at < 0)
      return this.fault('twice down', `answer to ${id}: ${JSON.stringify(data)}`);
    const one = waiting[at];
    waiting.splice(at, 1);
    if (type === 'error') {
      this.world.count('errors', data.code);
      return one.failed?.(data);
    }
    const earlier = waiting.slice(0, at).filter((other) => !other.done);
    if (!one.done && earlier.length)
      this.fault('order down', `answer to ${id} before ${earlier[0].id}`);
    if (one.done) one.done(data);
    else if (data.n !== id) this.fault('contract', `${id} answered ${data.n}`);
  }

  #inRoom(message) {
    const room = this.rooms.get(message.room);
    if (!room)
      this.fault('contract', `of no room: ${JSON.stringify(message).slice(0, 200)}`);
    else if (message.type === 'said') room.receive(message);
    else if (message.type === 'resync') room.resync(message.data);
    else if (message.type !== 'presence')
      this.fault('contract', `unknown ${message.type}`);
  }

  addRoom(name) {
    this.rooms.set(name, new Room(this, name));
  }
}
