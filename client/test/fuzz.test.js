// SPDX-License-Identifier: MIT
// Whatever happens in whatever order: promises settle, messages have a fate, the
// client and the server agree on the rooms, and close() leaves nothing running.
// SEED=n repeats a run (as far as sockets do), ROUNDS=n makes it longer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pair, settle } from './kit.js';
import { sessionPair } from './sessions.js';

const SEED = Number(process.env.SEED) || Date.now() % 1e6;
const ROUNDS = Number(process.env.ROUNDS) || 3;
const STEPS = 250;
const NAMES = ['a', 'b', 'c', '~d'];

function randomOf(seed) {
  let state = seed;
  return (n) => (state = (state * 16807 + 11) % 2147483647) % n;
}

/** A server that refuses now and then, and knows what it has handled. */
class Server {
  handled = []; // numbers of messages
  members = new Set(); // rooms, of the session or connection
  isLatest = () => true; // whether the client still has that connection
  isCalm = false;

  constructor(random) {
    this.random = random;
  }

  // True if it was refused for the moment.
  #isEarly(conn, id, code = 'OVERLOADED') {
    const isEarly = id && !this.isCalm && this.random(5) === 0;
    if (isEarly) {
      conn.error(id, this.random(2) ? 'RATE_LIMITED' : code,
        { retry: true, retry_after_ms: 1 + this.random(3000) });
    }
    return isEarly;
  }

  manners = {
    note: (conn, { id, data: n }) => {
      if (id && n % 17 === 0) {
        conn.error(id, `refused.${n}`);
      } else if (!this.#isEarly(conn, id, 'RATE_LIMITED')) {
        this.handled.push(n);
        if (id && (this.isCalm || n % 5)) conn.send('reply', n, id);
      }
    },
    join: (conn, { id, data: { room } }) => {
      if (room.startsWith('~')) conn.error(id, 'FORBIDDEN');
      else if (!this.#isEarly(conn, id)) {
        if (this.isLatest(conn)) this.members.add(room);
        conn.send('reply', { epoch: 'x', seq: 1 }, id);
      }
    },
    leave: (conn, { id, data: { room } }) => {
      if (room.startsWith('~')) conn.error(id, 'FORBIDDEN');
      else if (!this.#isEarly(conn, id)) {
        if (this.isLatest(conn)) this.members.delete(room);
        conn.send('reply', null, id);
      }
    },
  };
}

/** What a script does: puts the client into a room, or takes it out. */
function meddle({ members }, conn, name) {
  if (!conn) return;
  const type = members.delete(name) ? 'left' : 'joined';
  if (type === 'joined') members.add(name);
  conn.tell({ type, room: name });
}

/** The application: what it has done, and what it was told. */
class Application {
  promises = [];
  sends = new Map(); // number → what was told of it
  requests = new Map(); // number → { value } or { error }
  #n = 0;

  constructor(client, random) {
    this.client = client;
    this.random = random;
    const tell = (fate) => ({ data: n }) => this.sends.get(n)?.push(fate);
    client.on('@dropped', (all) => all.forEach(tell('dropped')));
    client.on('session_lost', ({ sent }) => {
      for (const { type, data } of sent) {
        assert.equal(type, 'note', 'nothing of the client itself');
        tell('unsure')({ data });
      }
    });
    client.on('error', ({ code }) => tell('refused')(
      { data: Number(code.split('.')[1]) }));
    // A listener that throws, and one that meddles.
    client.on('resumed', () => {
      throw new Error('a listener');
    });
    client.on('session_lost', () => random(3) || this.send());
    client.on('@dropped', () => random(3) || this.join());
  }

  #name() {
    return NAMES[this.random(NAMES.length)];
  }

  #promised(what, promise) {
    const entry = { what };
    this.promises.push(entry);
    promise.then((value) => (entry.end = { value }),
      (error) => (entry.end = { error }));
    return entry;
  }

  send() {
    const n = ++this.#n;
    this.sends.set(n, []);
    if (!this.client.send('note', n)) this.sends.delete(n);
  }

  request() {
    const n = ++this.#n;
    const timeout = [0, 100, 3000, undefined][this.random(4)];
    const control = new AbortController();
    this.requests.set(n, this.#promised(`request ${n} ${timeout}`,
      this.client.request('note', n, { timeout, signal: control.signal })));
    if (this.random(8) === 0) control.abort();
  }

  join() {
    const name = this.#name();
    const data = this.random(4) ? undefined : { as: this.random(3) };
    this.#promised(`join ${name}`, this.client.join(name, data));
  }

  leave() {
    const name = this.#name();
    this.#promised(`leave ${name}`,
      this.client.leave(name, { all: this.random(3) === 0 }));
  }

  clear() {
    for (const { data: n } of this.client.clearQueue()) this.sends.delete(n);
  }

  // Who closes does not ask what became of it.
  close() {
    this.client.close();
    for (const [n, told] of this.sends) if (!told.length) this.sends.delete(n);
    this.client.connect();
  }
}

async function play(made, options, seed, t) {
  const random = randomOf(seed);
  const server = new Server(random);
  const { manners } = server;
  const all = await made(t, { manners, ...options, minDelay: 20, maxDelay: 4000,
    random: () => random(1000) / 1000 });
  const { fake, clock, client, sessions } = all;
  const facts = {
    limits: { messages_per_s: 20, burst: 10, bytes_per_s: 0 } };
  let known; // the connection or session whose rooms these are
  let conn; // that is logged in
  // The bytes of one that the client has given up may be late.
  if (!sessions) server.isLatest = (one) => one === fake.conns.at(-1);
  fake.manners.auth = (next, data) => {
    if (!server.isCalm && random(6) === 0) {
      next.error(undefined, 'TRY_LATER', { retry: true, retry_after_ms: 500 });
      next.close(4007);
      return;
    }
    if (!server.isLatest(next)) {
      next.welcome(facts);
      return;
    }
    conn = next;
    if (sessions) sessions.welcome(conn, data, facts);
    else conn.welcome(facts);
    const now = sessions ? sessions.id : conn;
    if (known !== now) server.members.clear();
    known = now;
  };
  const app = new Application(client, random);
  client.connect();
  const acts = [
    () => app.send(), () => app.send(), () => app.request(),
    () => app.request(), () => app.join(), () => app.leave(),
    () => random(4) || app.clear(),
    () => fake.cut(), () => void client.reconnect(),
    () => random(2) || fake.conn?.socket._socket?.pause(),
    () => random(3) || sessions?.lose(),
    () => random(8) || app.close(),
    () => random(8) || clock.advance(31000),
    () => sessions?.id &&
      sessions.conn.send('ping', { received: sessions.received }),
    () => meddle(server, sessions?.id === known || !sessions ? conn : null,
      NAMES[random(NAMES.length)]),
    settle, settle, settle,
  ];
  for (let i = 0; i < STEPS; i++) {
    await acts[random(acts.length)]();
    clock.advance(random(300));
    if (random(3) === 0) await settle();
  }
  await calm(server, app, all);
  judge(server, app, made === sessionPair);
  client.close();
  assert.equal(clock.running, 0, 'timers after close');
}

const open = ({ promises }) => promises.filter(({ end }) => !end)
  .map(({ what }) => what);

// Heals everything, and lets what is under way come to its end.
async function calm(server, app, { fake, clock, client }) {
  server.isCalm = true;
  for (const { socket } of fake.conns) socket._socket?.resume();
  client.connect();
  const isBusy = () => client.getState().state !== 'ready' ||
    client.queued.length || open(app).some((what) => !/ 0$/.test(what)) ||
    client.rooms.some(({ state, error }) => state === 'joining' ||
      (state === 'refused' && error.retry));
  for (let i = 0; i < 400 && (isBusy() || i < 30); i++) {
    clock.advance(500);
    await settle();
    await settle();
  }
  await client.request('sync', 0, { timeout: 0 });
}

function judge({ handled, members }, app, isSession) {
  const times = (n) => handled.filter((other) => other === n).length;
  const { client } = app;
  // A request without a limit, to which the server never says anything, waits.
  assert.deepEqual(open(app).filter((what) => {
    const [, n] = /^request (\d+) 0$/.exec(what) || [];
    return !(n % 5 === 0 && times(Number(n)));
  }), [], 'promises that are open');
  for (const [n, told] of app.sends) {
    const fate = `send ${n}: handled ${times(n)}, told ${told}`;
    assert.ok(times(n) + told.length >= (isSession ? 1 : 0), fate);
    assert.ok(times(n) <= 1 && told.length <= 1, fate);
    if (told[0] === 'dropped' || told[0] === 'refused') {
      assert.equal(times(n), 0, fate);
    }
  }
  for (const [n, { end, what }] of app.requests) {
    const fate = `${what}: handled ${times(n)}, ${end?.error?.code} ${
      end?.error?.sent}`;
    assert.ok(times(n) <= 1, fate);
    if (end && 'value' in end) assert.equal(times(n), 1, fate);
    if (end?.error?.sent === false) assert.equal(times(n), 0, fate);
  }
  const joined = client.rooms.filter(({ state }) => state === 'joined');
  assert.deepEqual(joined.map(({ room }) => room).sort(), [...members].sort());
}

const KINDS = [
  ['a session', sessionPair, {}],
  ['a session and a queue', sessionPair, { queue: 1000 }],
  ['a session and no queue', sessionPair, { queue: false }],
  ['no session', pair, { session: false }],
  ['no session, but a queue', pair, { session: false, queue: true }],
];

for (const [what, made, options] of KINDS) {
  test(`nothing is lost without a word (${what})`, async (t) => {
    t.diagnostic(`SEED=${SEED}`);
    t.mock.method(console, 'error', () => {}); // of listeners that throw
    for (let i = 0; i < ROUNDS; i++) {
      await t.test(`SEED=${SEED + i} ROUNDS=1`, (sub) =>
        play(made, options, SEED + i, sub));
    }
  });
}
