#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Nothing may be missing without a word: cuts connections by the thousand, and
// knows what everybody has sent and received. `--help`.
import { live } from './acts.mjs';
import { Ledger } from './ledger.mjs';
import { derive } from './random.mjs';
import { Proxy } from './proxy.mjs';
import { Server } from './server.mjs';
import { User } from './user.mjs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

const USAGE = `bench/cuts/main.mjs [--cuts=1000] [--users=60] [--workers=1] [--tls]
  [--seed=N] [--harsh] [--round=10] [--mean=1000] [--every=150] [--patience=1]
  [--library] [--without=PARTS] [--keep] [--lie=HOW]

Users of build/perigee (or $PERIGEE_BIN) talk to its handlers, to each other and
in rooms, through a proxy that ends, resets, stalls and half-closes connections
at random moments. Rounds of so many seconds end in calm; then everything must
have arrived, once and in order, or the client must have been told otherwise.
Exit status 1: it has not.

  --cuts      goes on until so many connections were cut
  --mean      milliseconds until a connection is cut; --every: between messages
  --harsh     also what ends sessions: more than is kept, deaf readers, ends
  --patience  factor of all timeouts, for slow builds
  --library   the clients are those of client/, else their protocol alone
  --without   scripts that are not loaded: hooks,rooms,presence
  --keep      leaves the folder of the server
  --lie       lets the clients err, so that faults must be found: lose-down,
              twice-down, lose-up, twice-up
`;

const here = path.dirname(fileURLToPath(import.meta.url));

function options(words) {
  const all = { cuts: 1000, users: 60, workers: 1, tls: false, harsh: false,
    seed: Math.floor(Math.random() * 1e9), round: 10, mean: 1000, every: 150,
    patience: 1, without: '', keep: false, lie: '', library: false };
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

const KEEP_S = 4;

function makeWorld(o) {
  const stats = { cuts: 0, stalls: 0, ways: {}, up: 0, down: 0, resent: 0,
    overwritten: 0, reloads: 0, resumes: {}, joins: {}, errors: {}, closes: {} };
  return {
    stats, seed: o.seed, secure: o.tls, isHarsh: o.harsh, lie: o.lie, lies: 0, every: o.every,
    patience: 3000 * o.patience, ledger: new Ledger(), isCalm: true,
    count(what, key) {
      stats[what][key] = (stats[what][key] || 0) + 1;
    },
    // Milliseconds until a client comes again.
    pause(random) {
      if (this.isCalm) return random.between(0, 100);
      if (random.chance(0.3)) return 0;
      if (o.harsh && random.chance(0.03)) return KEEP_S * o.patience * random.between(900, 1500);
      return random.between(0, random.chance(0.2) ? 1500 : 200);
    },
  };
}

async function addUsers(world, o) {
  const Kind = o.library ? (await import('./library.mjs')).LibraryUser : User;
  const size = Math.max(1, Math.floor(o.users / 8));
  const kinds = o.without.includes('rooms') ? ['plain']
    : ['plain', 'hist', 'tight', 'latest', 'resync'];
  world.users = Array.from({ length: o.users }, (_, i) => new Kind(world, i));
  world.users.forEach((user, i) => {
    for (const kind of kinds) {
      user.addRoom(`${kind}:${i % size}`);
      if (user.random.chance(0.3))
        user.addRoom(`${kind}:${user.random.below(size)}`);
    }
    user.connect();
  });
}

// All that is not as it must be when nothing is on the way: [kind, who, what].
function problems(world) {
  const found = [];
  const { ledger, users } = world;
  for (const user of users) {
    const s = user.session;
    if (!s || !user.isReady) {
      found.push(['contract', user.name, 'is not connected']);
      continue;
    }
    const conn = ledger.conns.get(s.conn) || { pushed: 0 };
    const who = `${user.name}: conn ${s.conn}`;
    for (const { id } of s.waiting)
      found.push([ledger.handled.has(`${user.name}:${id}`) ? 'missing down'
        : 'missing up', who, `no answer to ${id}`]);
    if (!user.isLibrary && conn.done < s.order.length && !s.waiting.length)
      found.push(['missing up', who, `${s.order[conn.done]} is not handled`]);
    if (s.pushed !== conn.pushed)
      found.push(['missing down', who, `pushed ${s.pushed} of ${conn.pushed}`]);
    for (const room of user.rooms.values()) {
      const problem = room.problem();
      if (problem) found.push(['missing down', who, `${room.name} ${problem}`]);
    }
  }
  ledger.absent(users, (session, { from, n, to }) =>
    found.push(['missing down', `conn ${session.conn}`, `${to}: ${from}:${n}`]));
  return found;
}

// Ends the round: everybody gets what is on the way, then nothing may be
// missing. It waits as long as it gets better.
async function settle(world, server) {
  let deadline = Infinity, least = Infinity;
  world.isCalm = true;
  world.proxy.calm();
  let found;
  for (;;) {
    for (const user of world.users) {
      if (user.session && user.isReady)
        for (const room of user.rooms.values())
          if (!room.isMember && !room.joining) user.join(room);
    }
    await sleep(150);
    world.ledger.read(server.trace());
    found = problems(world);
    if (found.length < least) deadline = Date.now() + 5 * world.patience;
    least = Math.min(least, found.length);
    if (!found.length || Date.now() > deadline || server.status !== undefined) break;
  }
  for (const one of found) world.ledger.fault(...one);
  world.ledger.settle(world.users);
}

async function storm(world, server, o) {
  world.isCalm = false;
  world.proxy.rage();
  for (const user of world.users) live(user);
  const end = Date.now() + 1000 * o.round;
  while (Date.now() < end && server.status === undefined) {
    await sleep(Math.min(2000, Math.max(0, end - Date.now())));
    server.reload();
    world.stats.reloads++;
    world.ledger.read(server.trace());
  }
}

function summary(world, o, metrics) {
  const { stats, ledger } = world;
  const list = (counts) => Object.entries(counts).map(([key, n]) => `${n} ${key}`)
    .join(', ') || 'none';
  console.log(`
  seed         ${o.seed} (${o.users} users, ${o.workers} workers, ${o.tls ? 'TLS' : 'plain'}${o.harsh ? ', harsh' : ''}${o.library ? ', library' : ''})
  cuts         ${stats.cuts}: ${list(stats.ways)}; ${stats.stalls} stalls, ${stats.reloads} reloads
  messages     ${stats.up} up (${stats.resent} of them again), ${stats.down} down
  resumes      ${list(stats.resumes)}
  joins        ${list(stats.joins)}; ${stats.overwritten} numbers overwritten
  closes       ${list(stats.closes)}
  errors       ${list(stats.errors)}
  server       ${list(metrics)}
  faults       ${list(ledger.counts)}
`);
}

async function run(o) {
  const world = makeWorld(o);
  const parts = ['hooks', 'rooms', 'presence'].filter((part) =>
    !o.without.split(',').includes(part));
  const server = new Server({
    binary: process.env.PERIGEE_BIN || path.join(here, '../../build/perigee'),
    workers: o.workers, secure: o.tls, parts,
    options: { 'session.keep_s': o.harsh ? KEEP_S * o.patience : 60,
      'heartbeat.interval_s': 2, 'heartbeat.timeout_s': 2 * o.patience,
      'limits.queue_bytes': o.harsh ? '256KiB' : '4MiB', 'script.burst_ms': 10000,
      ...o.harsh ? {} : { 'session.replay_bytes': '4MiB' } },
  });
  await server.ready();
  world.proxy = new Proxy({ port: server.port, random: derive(o.seed, 'proxy'),
    mean: o.mean, stats: world.stats });
  await world.proxy.listen();
  await addUsers(world, o);
  await settle(world, server);
  while (world.stats.cuts < o.cuts && server.status === undefined) {
    await storm(world, server, o);
    await settle(world, server);
    if (world.ledger.faults > 100) break;
  }
  const metrics = server.status === undefined
    ? await server.metrics('perigee_session') : {};
  world.isOver = true;
  for (const user of world.users) user.leave('drop');
  world.proxy.close();
  const died = server.status;
  const status = await server.stop();
  summary(world, o, metrics);
  if (status !== 0 || died !== undefined) {
    console.log(`the server ended with ${status}:\n${server.log().slice(-6000)}`);
    return 1;
  }
  if (o.keep) console.log(`its folder: ${server.dir}`);
  else server.remove();
  return world.ledger.faults ? 1 : 0;
}

const o = options(process.argv.slice(2));
console.log(`seed ${o.seed}`);
process.exit(await run(o));
