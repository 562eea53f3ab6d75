// SPDX-License-Identifier: MIT
// A user whose client is the JavaScript client of this tree: what an
// application sees of it must be complete, in order and once, or it is told.
import { createRequire } from 'node:module';
import { Observer } from './observer.mjs';
import { Room } from './room.mjs';
import { derive } from './random.mjs';
import { sign } from './server.mjs';
import { SocketClient } from '../../client/src/index.js';

const { WebSocket } = createRequire(
  new URL('../../client/package.json', import.meta.url))('ws');

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // certificates are our own
process.removeAllListeners('warning');

// The library says when something is missing: with `gap`.
class LibraryRoom extends Room {
  constructor(user, name) {
    super(user, name);
    this.early = [];
  }

  receive(message) {
    if (!this.isNumbered) return this.user.directed(this.name, message.data);
    this.user.world.stats.down++;
    // Who has asked to leave is told nothing about what is missing.
    if (this.isLeaving) return;
    if (this.position) this.number(message);
    else this.early.push(message);
  }

  // Every join, also those that the library makes again by itself.
  joined({ epoch, seq, recovered } = {}) {
    this.isMember = true;
    this.joining = null;
    this.user.world.count('joins', recovered === undefined ? 'new'
      : recovered ? 'recovered' : 'not recovered');
    if (!this.isNumbered || this.position) return;
    this.position = { epoch, seq };
    this.restart();
    for (const message of this.early.splice(0)) this.number(message);
  }

  gap({ epoch, seq }) {
    this.user.world.count('joins', 'gap');
    this.position = epoch === undefined ? null : { epoch, seq };
    if (this.position) this.restart();
  }

  left() {
    super.left();
    this.position = null;
  }
}

export class LibraryUser extends Observer {
  constructor(world, index) {
    super(world, index);
    this.random = derive(world.seed, this.name);
    this.isLibrary = true;
  }

  connect() {
    const { world } = this;
    const scheme = world.secure ? 'wss' : 'ws';
    this.client = new SocketClient(`${scheme}://127.0.0.1:${world.proxy.port}/ws`, {
      tokenGetter: () => sign(this.name), WebSocket, minDelay: 20, maxDelay: 500,
      stableAfter: 100, connectTimeout: world.patience, requestTimeout: 1e8,
      queue: 1000,
    });
    this.client.on('auth_ok', (data) => this.#welcome(data));
    this.client.on('auth_error', ({ code }) =>
      this.fault('contract', `auth_error ${code}`));
    this.client.on('session_lost', () => this.#lost());
    this.client.on('pushed', ({ k }) => this.pushed(k));
    this.client.on('told', (data) => this.directed(this.name, data));
    this.client.on('@room', ({ room, state, data }) =>
      state === 'joined' && this.#inRoom('joined', data, room));
    this.client.on('gap', (data, { room }) => this.#inRoom('gap', data, room));
    this.client.on('said', (data, message) =>
      this.#room(message.room)?.receive(message));
    this.client.connect().catch(() => {});
    for (const room of this.rooms.values()) this.join(room);
  }

  get isReady() {
    return this.client.getState().state === 'ready';
  }

  #room(name) {
    const room = this.rooms.get(name);
    if (!room) this.fault('contract', `a message of the room ${name}`);
    return room;
  }

  #inRoom(event, data, name) {
    const room = this.#room(name);
    if (!room) return;
    room[event](data || {});
    if (event === 'joined')
      this.session.members.set(name, this.ledger.tick());
  }

  #welcome({ conn, session }) {
    if (session?.resumed && this.session?.conn === conn) {
      this.world.count('resumes', 'accepted');
      return;
    }
    if (this.session?.conn === conn) return; // a new token
    if (this.session && !this.isTold)
      this.fault('contract', `conn ${conn} without session_lost`);
    this.isTold = false;
    this.session = { conn, number: ++this.sessions, pushed: 0,
      waiting: this.session?.waiting || [], order: [], got: new Set(),
      latest: new Map(), members: new Map(), since: this.ledger.tick() };
  }

  #lost() {
    this.world.count('resumes', 'refused');
    this.isTold = true;
    for (const room of this.rooms.values()) {
      if (room.isMember && !room.isLeaving) room.joining = true; // by itself
      room.isMember = false;
    }
    if (this.session) this.session.members.clear();
  }

  request(type, data) {
    const s = this.session, id = data.n = ++this.n;
    data.s = s.number;
    this.world.stats.up++;
    s.waiting.push({ id });
    if (data.to || data.room?.startsWith('plain:'))
      this.ledger.addressed.push({ to: data.to || data.room, from: this.name,
        n: id, at: this.ledger.tick() });
    const settled = (problem) => {
      const { waiting } = this.session;
      waiting.splice(waiting.findIndex((one) => one.id === id), 1);
      if (problem) this.world.count('errors', problem.code || String(problem));
    };
    this.client.request(type, data).then((reply) => {
      settled();
      if (reply?.n !== id) this.fault('contract', `${id} answered ${reply?.n}`);
    }, settled);
  }

  join(room) {
    room.joining = true;
    this.client.join(room.name).catch(({ code }) => {
      room.joining = null;
      this.world.count('errors', `join ${code}`);
    });
  }

  leaveRoom(room) {
    this.session.members.delete(room.name);
    room.isLeaving = true;
    this.client.leave(room.name).then(() => room.left(), () => room.left());
  }

  leave() {
    this.client.close();
  }

  addRoom(name) {
    this.rooms.set(name, new LibraryRoom(this, name));
  }
}
