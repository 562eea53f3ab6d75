#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// A rolling restart: three machines behind a balancer are ended and started
// again, one after the other, while clients with the JavaScript client talk in
// a room with a history. No message may be missing. `--help`.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SocketClient } from '../../client/src/index.js';
import { sign } from '../cuts/server.mjs';
import { Machine } from './machine.mjs';
import { freePort } from './process.mjs';
import { Plain } from './redis.mjs';

const { WebSocket } = createRequire(
  new URL('../../client/package.json', import.meta.url))('ws');
const here = path.dirname(fileURLToPath(import.meta.url));
const ROOM = 'kept:1';

const USAGE = `bench/machines/rolling.mjs [--users=60] [--rate=100] [--notice=0.5]
  [--drain=3] [--times=1] [--keep]

  --rate    messages a second, of all together, said again until they are taken
  --notice  shutdown.notice_s of the machines; --drain: shutdown.drain_s
  --times   how often all machines are restarted
`;

function options(words) {
  const all = { users: 60, rate: 100, notice: 0.5, drain: 3, times: 1, keep: false };
  for (const word of words) {
    const [, name, value] = word.match(/^--(\w+)(?:=(.*))?$/) || [];
    if (!(name in all)) {
      process.stdout.write(USAGE);
      process.exit(name === 'help' ? 0 : 2);
    }
    all[name] = typeof all[name] === 'number' ? Number(value) : value ?? true;
  }
  return all;
}

// Gives each connection to the machine that has the fewest, of those whose
// /healthz says 200.
class Balancer {
  constructor(ports) {
    this.backends = ports.map((port) => ({ port, isGood: true, count: 0 }));
    this.server = net.createServer({ pauseOnConnect: true }, (near) =>
      this.#deal(near, new Set()));
    this.timer = setInterval(() => this.backends.forEach((one) => this.#ask(one)), 100);
  }

  async listen() {
    await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
    this.port = this.server.address().port;
  }

  async #ask(backend) {
    backend.isGood = await fetch(`http://127.0.0.1:${backend.port}/healthz`,
      { signal: AbortSignal.timeout(2000) }).then(({ status }) => status === 200, () => false);
  }

  #deal(near, tried) {
    const [backend] = this.backends.filter((one) => one.isGood && !tried.has(one))
      .sort((a, b) => a.count - b.count);
    if (!backend) return near.destroy();
    backend.count++;
    const far = net.connect({ port: backend.port, host: '127.0.0.1' });
    let isThere = false;
    near.on('error', () => {});
    far.on('connect', () => {
      isThere = true;
      near.pipe(far);
      far.pipe(near);
    });
    far.on('error', () => {});
    far.on('close', () => {
      backend.count--;
      if (isThere) near.destroy();
      else this.#deal(near, tried.add(backend));
    });
    near.on('close', () => far.destroy());
  }

  close() {
    clearInterval(this.timer);
    this.server.close();
  }
}

class Someone {
  constructor(name, port, world) {
    Object.assign(this, { name, world, heard: [], problems: [], n: 0 });
    this.client = new SocketClient(`ws://127.0.0.1:${port}/ws`,
      { tokenGetter: () => sign(name), WebSocket });
    this.client.on('said', (data, { seq }) => this.#hear(data, seq));
    this.client.on('gap', () => this.problems.push('gap'));
    this.client.onStateChange(({ state }) => this.#state(state));
  }

  async start() {
    this.client.connect();
    const { seq } = await this.client.join(ROOM);
    this.seq = this.first = seq;
  }

  #hear(data, seq) {
    if (seq !== this.seq + 1) this.problems.push(`${seq} after ${this.seq}`);
    this.seq = seq;
    this.heard.push(`${seq} ${data}`);
  }

  #state(state) {
    const now = Date.now();
    if (state === 'ready' && this.lostAt) {
      this.world.returns.push({ away: now - this.lostAt, at: now - this.world.endedAt });
      this.lostAt = 0;
    } else if (state !== 'ready' && !this.lostAt && this.first !== undefined) {
      this.lostAt = now;
    }
  }

  // Until somebody has taken it.
  async say() {
    const id = `${this.name}:${++this.n}`;
    this.world.saying++;
    for (;;) {
      try {
        await this.client.request('say', { room: ROOM, id });
        break;
      } catch {
        this.world.again++;
        await sleep(50 + Math.random() * 200);
      }
    }
    this.world.saying--;
    this.world.said++;
  }
}

async function startAll(o, dir) {
  const scripts = `${dir}/scripts`, redis = new Plain(`${dir}/redis`, {});
  mkdirSync(scripts);
  copyFileSync(`${here}/scripts/rolling.lua`, `${scripts}/main.lua`);
  await redis.start();
  const machines = [];
  for (let i = 1; i <= 3; i++) {
    const port = await freePort();
    const machine = new Machine({ name: `web-${i}`, dir, scripts,
      url: redis.url((server) => server.port),
      options: { listen: `127.0.0.1:${port}`, 'shutdown.notice_s': o.notice,
        'shutdown.drain_s': o.drain } });
    await machine.start();
    machines.push(machine);
  }
  return { redis, machines };
}

async function restart(world, machine) {
  world.endedAt = Date.now();
  const status = await machine.child.kill('TERM');
  if (status !== 0) world.problems.push(`${machine.name} ended with ${status}`);
  await machine.start();
  await sleep(1000);
}

async function until(what, ms) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(50))
    if (what()) return true;
  return false;
}

const quantile = (list, share) =>
  [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(share * list.length))];

// All have heard the same since they came.
function compare(world, people) {
  const order = new Map();
  for (const one of people)
    for (const entry of one.heard) {
      const [seq, what] = entry.split(' ');
      if (order.has(seq) && order.get(seq) !== what)
        world.problems.push(`${one.name}: ${seq} is ${what}, for others ${order.get(seq)}`);
      order.set(seq, what);
    }
  if (new Set(order.values()).size !== order.size) world.problems.push('something came twice');
  if (order.size !== world.said)
    world.problems.push(`${world.said} were said, ${order.size} heard`);
  for (const { name, problems } of people)
    for (const problem of problems) world.problems.push(`${name}: ${problem}`);
}

function report(o, world) {
  const { returns } = world, buckets = {};
  for (const { at } of returns) {
    const bucket = Math.floor(at / 100);
    buckets[bucket] = (buckets[bucket] || 0) + 1;
  }
  const away = returns.map((one) => one.away), at = returns.map((one) => one.at);
  console.log(`
  ${o.users} clients, ${o.rate} messages a second, ${3 * o.times} restarts; notice ${
  o.notice} s, drain ${o.drain} s
  said      ${world.said}, ${world.again} attempts had to be repeated
  came back ${returns.length}: away for p50 ${quantile(away, 0.5)} ms, p99 ${
  quantile(away, 0.99)} ms
  spread    from ${Math.min(...at)} to ${Math.max(...at)} ms after the SIGTERM; at most ${
  Math.max(...Object.values(buckets))} in the same 100 ms
  problems  ${world.problems.length ? world.problems.slice(0, 20).join('\n            ') : 'none'}
`);
}

async function run(o) {
  const dir = mkdtempSync(path.join(tmpdir(), 'rolling-'));
  const world = { said: 0, again: 0, saying: 0, returns: [], problems: [], endedAt: 0 };
  const { redis, machines } = await startAll(o, dir);
  const balancer = new Balancer(machines.map(({ port }) => port));
  await balancer.listen();
  const people = Array.from({ length: o.users }, (_, i) =>
    new Someone(`u${i}`, balancer.port, world));
  await Promise.all(people.map((one) => one.start()));
  let next = 0;
  const talk = setInterval(() => people[next++ % people.length].say(), 1000 / o.rate);
  await sleep(500);
  for (let i = 0; i < o.times; i++)
    for (const machine of machines) await restart(world, machine);
  clearInterval(talk);
  if (!await until(() => !world.saying, 30000)) world.problems.push('not all was taken');
  const isEven = () => people.every(({ seq }) => seq === people[0].seq)
    && people[0].seq - people[0].first === people[0].heard.length;
  if (!await until(isEven, 30000)) world.problems.push('not all have heard the same');
  compare(world, people);
  if (!world.returns.length) world.problems.push('nobody had to come back');
  else report(o, world);
  for (const { client } of people) client.close();
  balancer.close();
  await Promise.all(machines.map(({ child }) => child.kill('KILL')));
  await redis.stop();
  if (!o.keep) rmSync(dir, { recursive: true });
  return world.problems.length ? 1 : 0;
}

process.exit(await run(options(process.argv.slice(2))));
