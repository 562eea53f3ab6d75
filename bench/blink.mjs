#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Thousands of clients lose their network for a while and come back: how many
// of the messages of that time do they get, how soon are they complete, and
// what does it cost the server? `--help`.
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Wire } from './cuts/wire.mjs';

const USAGE = `bench/blink.mjs [SERVER] [--clients=5000] [--rooms=500] [--rate=20]
  [--away=2] [--how=reset|silent] [--workers=1] [--json]

Clients in rooms, in each of which --rate messages a second are sent by others,
lose their network for --away seconds: the server sees a reset, or nothing
(silent). Then all come back at once. A client is complete when it has every
message that was sent before the network came back.

SERVER   sessions   perigee, with sessions
         history    perigee, rooms with history, joined again with \`since\`
         plain      perigee, neither: clients connect and join again
         socketio   socket.io with connection state recovery
`;

const here = path.dirname(fileURLToPath(import.meta.url));
const SECRET = 'the secret of the blink: more than 32 bytes';
const AT_ONCE = 256; // handshakes under way
const PUBLISHERS = 10;
const PAD = 'x'.repeat(80);

function options(words) {
  const o = { server: 'sessions', clients: 5000, rooms: 500, rate: 20, away: 2,
    how: 'reset', workers: 1, json: false };
  for (const word of words) {
    const [, name, value] = word.match(/^--(\w+)(?:=(.*))?$/) || [];
    if (['sessions', 'history', 'plain', 'socketio'].includes(word)) o.server = word;
    else if (name in o) o[name] = typeof o[name] === 'number' ? Number(value) : value ?? true;
    else {
      process.stdout.write(USAGE);
      process.exit(name === 'help' ? 0 : 2);
    }
  }
  return o;
}

const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function sign(sub) {
  const exp = Math.floor(Date.now() / 1000) + 86400;
  const body = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64({ sub, exp })}`;
  return `${body}.${createHmac('sha256', SECRET).update(body).digest('base64url')}`;
}

// ---- the servers ----

async function freePort() {
  const server = net.createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

const HISTORY = `return { ["@rooms"] = { ["r*"] = {
  history = { messages = 10000, seconds = 600 } } } }`;

async function startServer(o) {
  const port = await freePort();
  const dir = mkdtempSync(path.join(tmpdir(), 'blink-'));
  let words = ['node', `${here}/servers/socketio.mjs`, port, SECRET, 'recovery'];
  if (o.server !== 'socketio') {
    const binary = process.env.PERIGEE_BIN || path.join(here, '../build/perigee');
    cpSync(path.join(here, '../lua/perigee/bench.lua'), `${dir}/bench.lua`);
    if (o.server === 'history') writeFileSync(`${dir}/rooms.lua`, HISTORY);
    words = [binary, 'serve', dir, `--listen=127.0.0.1:${port}`,
      '--admin.listen=', `--auth.secret=${SECRET}`, `--workers=${o.workers}`,
      '--limits.messages_per_s=0', '--limits.bytes_per_s=0', '--limits.per_ip=0',
      '--limits.per_user=0', '--limits.handshakes_per_s=0',
      '--limits.handshakes_per_ip=0', '--log.level=warn', '--shutdown.drain_s=0'];
    if (o.server !== 'sessions') words.push('--session.keep_s=0');
  }
  const child = spawn(words[0], words.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] });
  process.on('exit', () => {
    child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  });
  for (let i = 0; i < 200; i++) {
    const up = await new Promise((done) => {
      const socket = net.connect({ port, host: '127.0.0.1' });
      socket.on('connect', () => done(true)).on('error', () => done(false));
      setTimeout(() => socket.destroy(), 200);
    });
    if (up) return { port, pid: child.pid };
    await sleep(100);
  }
  throw new Error('the server does not listen');
}

// Seconds of CPU that the server has used; null if it has ended.
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

// ---- the clients ----

// What the protocols differ in. `hello`: the first text of a client, or null if
// the server begins.
const perigee = {
  path: '/ws',
  hello: (client) => JSON.stringify({ type: 'auth', data: { token: client.token,
    session: client.asksForSession ? client.session
      ? { id: client.session, received: client.received } : {} : undefined } }),
  say: (room, data) => JSON.stringify({ type: 'bench.room', data: { room, data } }),
  join: (client) => JSON.stringify({ type: 'join', id: 1, data: { room: client.room,
    since: client.position || undefined } }),
  hear(client, text) {
    if (text.startsWith('{"type":"bench.room"')) {
      client.received++;
      return client.got(text);
    }
    const { type, data } = JSON.parse(text);
    if (type === 'auth_ok') {
      client.session = data.session?.id;
      if (!data.session?.resumed) client.received = 0;
      client.entered(data.session?.resumed === true);
    } else if (type === 'ping') {
      client.wire.send(client.asksForSession
        ? `{"type":"pong","data":{"received":${client.received}}}` : '{"type":"pong"}');
    } else if (type === 'reply') {
      client.received++;
      client.joined(data);
    } else {
      throw new Error(`unexpected ${text}`);
    }
  },
};

const socketio = {
  path: '/socket.io/?EIO=4&transport=websocket',
  hello: () => null,
  say: (room, data) => `42${JSON.stringify(['bench.room', { room, data }])}`,
  join: (client) => `420${JSON.stringify(['join', { room: client.room }])}`,
  hear(client, text) {
    if (text[0] === '0') {
      client.wire.send(`40${JSON.stringify({ token: client.token,
        pid: client.pid, offset: client.offset })}`);
    } else if (text[0] === '2') {
      client.wire.send('3');
    } else if (text.startsWith('42')) {
      client.offset = text.slice(text.lastIndexOf(',"') + 2, -2);
      client.got(text);
    } else if (text.startsWith('40')) {
      const { pid } = JSON.parse(text.slice(2));
      const isResumed = client.pid !== undefined && pid === client.pid;
      client.pid = pid;
      client.entered(isResumed);
    } else if (text.startsWith('430')) {
      client.joined(null);
    } else {
      throw new Error(`unexpected ${text}`);
    }
  },
};

class Client {
  constructor(run, name, room) {
    Object.assign(this, { run, room, token: sign(name), received: 0,
      asksForSession: run.o.server === 'sessions', last: 0, missed: 0, twice: 0 });
  }

  connect() {
    this.isIn = false;
    const { dialect, port } = this.run;
    const wire = this.wire = new Wire(port, { path: dialect.path, on: {
      open: () => {
        const hello = dialect.hello(this);
        if (hello) wire.send(hello);
      },
      message: (text) => dialect.hear(this, text),
      closed: (code) => this.run.lost(this, code),
    } });
    return new Promise((done) => (this.done = done));
  }

  entered(isResumed) {
    if (isResumed) this.run.resumed++;
    if (this.room && !isResumed) this.wire.send(this.run.dialect.join(this));
    else this.in();
  }

  joined(reply) {
    if (reply?.epoch && !reply.recovered)
      this.position = { epoch: reply.epoch, seq: reply.seq };
    this.in();
  }

  in() {
    this.isIn = true;
    this.done();
  }

  // A message of the room: its number is that of the publisher.
  got(text) {
    const at = text.indexOf('"m":') + 4;
    const m = parseInt(text.slice(at, at + 12), 10);
    if (m <= this.last) this.twice++;
    else if (this.last && m > this.last + 1) this.missed += m - this.last - 1;
    this.last = Math.max(m, this.last);
    this.run.arrived++;
    if (this.position) this.position.seq = m;
    if (this.goal !== undefined && this.last >= this.goal) {
      this.goal = undefined;
      this.run.complete(this);
    }
  }
}

// ---- the run ----

class Run {
  constructor(o, { port, pid }) {
    Object.assign(this, { o, port, pid, resumed: 0, arrived: 0, times: [], sent: [] });
    this.dialect = o.server === 'socketio' ? socketio : perigee;
    this.clients = Array.from({ length: o.clients }, (_, i) =>
      new Client(this, `c${i}`, `r${i % o.rooms}`));
    this.publishers = Array.from({ length: PUBLISHERS }, (_, i) =>
      new Client(this, `p${i}`, null));
    this.sent = new Array(o.rooms).fill(0);
  }

  lost(client, code) {
    if (!this.isOver) throw new Error(`a connection is lost: ${code}`);
  }

  async connectAll(clients) {
    let next = 0;
    const lane = async () => {
      while (next < clients.length) await clients[next++].connect();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
  }

  // One message to each room in turn, at the rate of all.
  publish() {
    const { rooms, rate } = this.o;
    const start = performance.now();
    let count = 0;
    this.timer = setInterval(() => {
      const due = (performance.now() - start) / 1000 * rooms * rate;
      for (; count < due; count++) {
        const room = count % rooms;
        this.publishers[room % PUBLISHERS].wire.send(this.dialect.say(`r${room}`,
          { m: ++this.sent[room], pad: PAD }));
      }
    }, 5);
  }

  cut() {
    this.husks = this.clients.map(({ wire }) => wire);
    for (const wire of this.husks) {
      wire.isOver = true;
      if (this.o.how === 'reset') wire.socket.resetAndDestroy();
      else wire.socket.pause();
    }
  }

  complete(client) {
    if (!client.missed) this.times.push(performance.now() - this.back);
  }

  async measureSteady() {
    const before = cpuOf(this.pid), from = performance.now(), arrived = this.arrived;
    await sleep(3000);
    const seconds = (performance.now() - from) / 1000;
    this.steady = (cpuOf(this.pid) - before) / seconds;
    this.perSecond = (this.arrived - arrived) / seconds;
  }

  async comeBack() {
    this.back = performance.now();
    const before = cpuOf(this.pid);
    this.clients.forEach((client, i) => {
      client.first = client.last;
      client.goal = this.sent[i % this.o.rooms];
      if (client.goal <= client.last) client.goal = undefined;
    });
    this.resumed = 0;
    await this.connectAll(this.clients);
    this.allIn = performance.now() - this.back;
    const waiting = () => this.clients.filter(({ goal }) => goal !== undefined).length;
    for (let i = 0; i < 200 && waiting(); i++) await sleep(50);
    await sleep(500);
    const seconds = (performance.now() - this.back) / 1000;
    this.cpu = cpuOf(this.pid) - before - this.steady * seconds;
    this.incomplete = this.clients.filter(({ missed }) => missed > 0).length + waiting();
  }
}

const at = (sorted, share) =>
  sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] : null;

async function measure(o) {
  const run = new Run(o, await startServer(o));
  const start = performance.now(), cpu = cpuOf(run.pid);
  await run.connectAll([...run.publishers, ...run.clients]);
  const connecting = { seconds: (performance.now() - start) / 1000,
    cpu: cpuOf(run.pid) - cpu };
  if (o.rate) run.publish();
  await sleep(1000);
  await run.measureSteady();
  const sentBefore = run.sent.reduce((a, b) => a + b, 0);
  run.cut();
  await sleep(o.away * 1000);
  const missable = (run.sent.reduce((a, b) => a + b, 0) - sentBefore) * o.clients / o.rooms;
  await run.comeBack();
  clearInterval(run.timer);
  await sleep(500);
  run.isOver = true;
  const missed = run.clients.reduce((a, { missed }) => a + missed, 0);
  run.times.sort((a, b) => a - b);
  return {
    server: o.server, how: o.how, clients: o.clients, rooms: o.rooms, rate: o.rate,
    away_s: o.away, deliveries_per_s: Math.round(run.perSecond),
    sent_meanwhile: missable, delivered: missable ? Math.max(0, 1 - missed / missable) : null,
    twice: run.clients.reduce((a, { twice }) => a + twice, 0),
    resumed: run.resumed, incomplete: run.incomplete,
    complete_p50_ms: at(run.times, 0.5), complete_p99_ms: at(run.times, 0.99),
    all_in_ms: run.allIn, cpu_us_per_client: run.cpu / o.clients * 1e6,
    connect_cpu_us_per_client: connecting.cpu / (o.clients + PUBLISHERS) * 1e6,
  };
}

const o = options(process.argv.slice(2));
const result = await measure(o);
if (o.json) {
  console.log(JSON.stringify(result));
} else {
  for (const [key, value] of Object.entries(result))
    console.log(`  ${key.padEnd(26)}${typeof value === 'number' && !Number.isInteger(value)
      ? value.toPrecision(4) : value}`);
}
process.exit(0);
