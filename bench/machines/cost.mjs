#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// What several machines cost: the CPU of the servers for each delivery, that of
// Redis for each publication, memory in Redis, and the way from one machine to
// another. `--help`.
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Caller } from './caller.mjs';
import { cpuOf, Dealer, generate } from './load.mjs';
import { perigees, socketios, stopAll } from './peers.mjs';
import { Plain } from './redis.mjs';

const USAGE = `bench/machines/cost.mjs [--rounds=5] [--seconds=5] [--members=1000]
  [--rate=20] [--only=room,peers,redis,memory,way]

  room    a room on two machines beside one: at a rate, one message after the
          other, and with 16 under way; without and with history, and
          beside one machine without Redis: CPU of the servers for each delivery
  peers   the same on two socket.io servers, with each of its Redis adapters
          (npm, once: bench/run installs what bench/servers names)
  redis   CPU of Redis for each publication
  memory  bytes in Redis for each room, message, user and entry of presence
  way     from a client on one machine to one on the other, p50 and p99, beside
          the same on one machine, and beside a PING of Redis

Variants are measured in turn, round after round; ratios are those of one round,
and the median of the rounds is printed. On more than one CPU the servers run on
CPU 0, all else on the others.
`;

function options(words) {
  const all = { rounds: 5, seconds: 5, members: 1000, rate: 20, only: '' };
  for (const word of words) {
    const [, name, value] = word.match(/^--(\w+)=(.*)$/) || [];
    if (!(name in all)) {
      process.stdout.write(USAGE);
      process.exit(word === '--help' ? 0 : 2);
    }
    all[name] = typeof all[name] === 'number' ? Number(value) : value;
  }
  return all;
}

export const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

const quantile = (list, share) =>
  [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(share * list.length))];

const spread = (list) => `${Math.min(...list).toFixed(2)}–${Math.max(...list).toFixed(2)}`;

async function withRedis(what) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cost-'));
  const redis = new Plain(`${dir}/redis`, {});
  await redis.start();
  try {
    return await what(dir, redis);
  } finally {
    await redis.stop();
    rmSync(dir, { recursive: true });
  }
}

// --- a room --------------------------------------------------------------------

// The CPU of all servers is looked at in the middle of what the generator
// measures. Resolves with µs for each delivery.
async function loadRoom(o, servers, load) {
  const dealer = new Dealer(servers.ports);
  await dealer.listen();
  const pids = servers.children.map(({ pid }) => pid);
  const used = () => ({ servers: pids.reduce((sum, pid) => sum + cpuOf(pid), 0),
    at: process.hrtime.bigint() });
  const path = servers.dialect === 'socketio' ? '/socket.io/?EIO=4&transport=websocket'
    : '/ws';
  const run = generate(`${dealer.port}${path}`, ['room', `--connections=${o.members}`,
    load, `--dialect=${servers.dialect}`, '--warmup=1s',
    `--duration=${o.seconds + 3}s`]);
  await Promise.race([dealer.flows(o.members * 500), run.then((figures) => {
    throw new Error(`nothing came: ${JSON.stringify(figures)}`);
  })]);
  await sleep(1500);
  const before = used();
  await sleep(o.seconds * 1000);
  const after = used();
  const figures = await run;
  dealer.close();
  const seconds = Number(after.at - before.at) / 1e9;
  return { us: (after.servers - before.servers) / 1000 / seconds / figures.per_s,
    lost: figures.lost + (figures.behind || 0) };
}

async function measureRoom(o, variants, load) {
  const found = variants.map(() => []);
  for (let round = 0; round < o.rounds; round++) {
    for (const [i, { start }] of variants.entries()) {
      await withRedis(async (dir, redis) => {
        const servers = await start(dir, redis);
        found[i].push(await loadRoom(o, servers, load));
        await stopAll(servers);
      });
    }
    process.stderr.write(`round ${round + 1} of ${o.rounds}\n`);
  }
  return found;
}

function printRoom(o, variants, load, found) {
  console.log(`\na room of ${o.members}, ${load}, ${o.rounds} rounds of ${o.seconds} s`);
  for (const [i, { name, beside }] of variants.entries()) {
    const us = found[i].map((one) => one.us);
    const lost = found[i].reduce((sum, one) => sum + one.lost, 0);
    const other = variants.findIndex((one) => one.name === beside);
    const ratios = other < 0 ? [] : us.map((one, round) => one / found[other][round].us);
    console.log(`  ${name.padEnd(44)} ${median(us).toFixed(2)} µs for each delivery${
      other < 0 ? '' : `; ${median(ratios).toFixed(2)} × (${spread(ratios)}) of ${beside}`}${
      lost ? `; ${lost} LOST OR LATE` : ''}`);
  }
}

const rooms = [
  { name: 'one machine, no Redis', start: (dir) => perigees(dir, 1, null) },
  { name: 'one machine', start: (dir, redis) => perigees(dir, 1, redis),
    beside: 'one machine, no Redis' },
  { name: 'two machines', start: (dir, redis) => perigees(dir, 2, redis),
    beside: 'one machine' },
  { name: 'one machine, history',
    start: (dir, redis) => perigees(dir, 1, redis, { hasHistory: true }) },
  { name: 'two machines, history', beside: 'one machine, history',
    start: (dir, redis) => perigees(dir, 2, redis, { hasHistory: true }) },
];

const peers = [
  ...['redis', 'sharded', 'streams'].map((adapter) => ({
    name: `two socket.io, ${adapter} adapter`,
    start: (dir, redis) => socketios(dir, 2, redis, adapter) })),
  ...['redis', 'sharded', 'streams'].map((adapter) => ({
    name: `two machines, beside ${adapter}`, beside: `two socket.io, ${adapter} adapter`,
    start: (dir, redis) => perigees(dir, 2, redis) })),
  { name: 'two machines with history, beside streams',
    beside: 'two socket.io, streams adapter',
    start: (dir, redis) => perigees(dir, 2, redis, { hasHistory: true }) },
];

// --- Redis ---------------------------------------------------------------------

async function measureRedis(o) {
  const kinds = { 'without history, nobody elsewhere': ['plain:1', false],
    'without history, another machine listens': ['plain:2', true],
    'with history, another machine listens': ['kept:1', true] };
  const found = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]));
  await withRedis(async (dir, redis) => {
    const servers = await perigees(dir, 2, redis);
    const [a, b] = await Promise.all(servers.ports.map((port, i) =>
      Caller.connect(port, `u${i}`)));
    const { pid } = redis.servers[0].child, many = 2000 * o.seconds;
    for (const [room, both] of Object.values(kinds)) {
      await a.request('join', { room });
      if (both) await b.request('join', { room });
    }
    for (let round = 0; round < o.rounds; round++)
      for (const [kind, [room]] of Object.entries(kinds)) {
        const idle = cpuOf(pid);
        const since = Date.now();
        await sleep(1000);
        const rest = (cpuOf(pid) - idle) / (Date.now() - since);
        const before = cpuOf(pid), at = Date.now();
        await a.request('publish', { room, many });
        found[kind].push((cpuOf(pid) - before - rest * (Date.now() - at)) / 1000 / many);
      }
    for (const one of [a, b]) one.close();
    await stopAll(servers);
  });
  console.log('\nCPU of Redis for each publication of 100 bytes');
  for (const [kind, list] of Object.entries(found))
    console.log(`  ${kind.padEnd(44)} ${median(list).toFixed(1)} µs (${spread(list)})`);
}

async function measureMemory() {
  await withRedis(async (dir, redis) => {
    const [server] = redis.servers;
    const servers = await perigees(dir, 1, redis);
    const [port] = servers.ports;
    // When nothing is on the way any more.
    const used = async () => {
      for (let before = -1e9; ;) {
        await sleep(700);
        const now = Number((await server.info('memory')).used_memory);
        if (Math.abs(now - before) < 1000) return now;
        before = now;
      }
    };
    const a = await Caller.connect(port, 'first');
    const print = (what, bytes) => console.log(`  ${what.padEnd(52)} ${Math.round(bytes)} bytes`);
    console.log('\nmemory in Redis');
    const N = 500;
    let before = await used();
    for (let i = 0; i < N; i++) await a.request('publish', { room: `kept:${i}`, many: 1 });
    print('a room with history and one message of 100 bytes', (await used() - before) / N);
    before = await used();
    for (let i = 0; i < 50; i++) await a.request('publish', { room: `kept:${i}`, many: 100 });
    print('each further message of 100 bytes', (await used() - before) / 50 / 100);
    before = await used();
    const users = [];
    for (let i = 0; i < N; i++) users.push(await Caller.connect(port, `user-${i}`));
    print('a user, each machine that has him', (await used() - before) / N);
    before = await used();
    for (let i = 0; i < N; i++) await users[i].request('join', { room: `any:${i}` });
    print('a room without history, each machine that has it', (await used() - before) / N);
    before = await used();
    for (const user of users) await user.request('join', { room: 'here:1' });
    print(`presence, each of ${N} users of one room`, (await used() - before) / N);
    before = await used();
    for (let i = 0; i < N; i++) await users[i].request('join', { room: `here:${i + 2}` });
    print('presence, the only user of a room', (await used() - before) / N);
    for (const one of [a, ...users]) one.close();
    await stopAll(servers);
  });
}

// --- the way -------------------------------------------------------------------

async function measureWay(o) {
  const ways = { near: [], far: [], ping: [] };
  const us = (since) => Number(process.hrtime.bigint() - since) / 1000;
  await withRedis(async (dir, redis) => {
    const servers = await perigees(dir, 2, redis);
    let heard = null;
    const [sender, near, far] = await Promise.all([[0, 'ann'], [0, 'near'], [1, 'far']].map(
      ([i, user]) => Caller.connect(servers.ports[i], user, () => heard?.())));
    const pinger = net.connect({ port: redis.servers[0].port, host: '127.0.0.1' });
    pinger.setNoDelay(true);
    const tell = (to) => new Promise((done) => {
      const since = process.hrtime.bigint();
      heard = () => done(us(since));
      sender.request('tell', { to });
    });
    const ping = async () => {
      const since = process.hrtime.bigint();
      pinger.write('PING\r\n');
      await once(pinger, 'data');
      return us(since);
    };
    for (let i = 0; i < 400 * o.seconds; i++) {
      const one = { near: await tell('near'), far: await tell('far'), ping: await ping() };
      if (i < 100) continue; // warm
      for (const way in one) ways[way].push(one[way]);
      await sleep(1);
    }
    pinger.destroy();
    for (const one of [sender, near, far]) one.close();
    await stopAll(servers);
  });
  console.log(`\nfrom client to client by send_to_user, one way, ${ways.far.length} in turn`);
  for (const [way, name] of [['near', 'on one machine'], ['far', 'on two machines'],
    ['ping', 'PING of Redis and its answer, from Node']])
    console.log(`  ${name.padEnd(44)} p50 ${Math.round(quantile(ways[way], 0.5))} µs, p99 ${
      Math.round(quantile(ways[way], 0.99))} µs`);
}

const o = options(process.argv.slice(2));
const isWanted = (what) => !o.only || o.only.split(',').includes(what);
for (const load of [`--rate=${o.rate}`, '--window=16'])
  for (const [what, variants] of [['room', rooms], ['peers', peers]])
    if (isWanted(what))
      printRoom(o, variants, load, await measureRoom(o, variants, load));
if (isWanted('redis')) await measureRedis(o);
if (isWanted('memory')) await measureMemory();
if (isWanted('way')) await measureWay(o);
process.exit(0);
