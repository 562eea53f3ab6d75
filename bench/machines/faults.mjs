#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Several machines, a Redis, and all that can happen between them: nothing may
// be missing without a word. `--help`.
import { closeSync, cpSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync,
  writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { derive } from '../cuts/random.mjs';
import { Cluster } from './cluster.mjs';
import { FAULTS, happen } from './happen.mjs';
import { Ledger } from './ledger.mjs';
import { Machine } from './machine.mjs';
import { Member } from './member.mjs';
import { Plain, Watched } from './redis.mjs';
import { Network } from './wires.mjs';

const USAGE = `bench/machines/faults.mjs [--faults=100] [--redis=plain] [--machines=3]
  [--users=8] [--workers=1] [--seed=N] [--round=8] [--mean=400] [--patience=1]
  [--only=KINDS] [--safe] [--keep] [--lie=HOW]

Machines of build/perigee (or $PERIGEE_BIN) share a Redis. Users with one or two
devices talk in rooms and to each other, and come back to any machine. Meanwhile
machines and Redis are killed and stopped, links between them are cut, stalled
and half-open, and Redis forgets. Rounds of so many faults end in calm; then
every member must have had everything, once and in the one order, or have been
told otherwise; who is there must be right, and each came and went once.
Exit status 1: it is not so.

  --redis     plain; sentinel: with a replica and three Sentinels; or cluster:
              three masters and their replicas; machines come to its nodes by
              proxies of their own, whose ports they are told
  --safe      min-replicas-to-write 1
  --mean      milliseconds between two faults; several may be under way
  --patience  factor of all timeouts, for slow builds
  --only      some kinds: ${Object.keys(FAULTS).join(',')}
  --keep      leaves the folder
  --lie       lets the clients err, so that faults must be found: lose, twice
`;

const here = path.dirname(fileURLToPath(import.meta.url));

function options(words) {
  const all = { faults: 100, redis: 'plain', machines: 3, users: 8, workers: 1,
    seed: Math.floor(Math.random() * 1e9), round: 8, mean: 400, patience: 1,
    only: '', safe: false, keep: false, lie: '' };
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

const LEASE_S = 1;
const KINDS = { plain: Plain, sentinel: Watched, cluster: Cluster };

class World {
  constructor(o) {
    Object.assign(this, { o, ledger: new Ledger(), counts: {}, kinds: {}, faults: 0,
      isCalm: true, busy: new Set(), machines: [], members: [] });
    this.dir = mkdtempSync(path.join(tmpdir(), 'faults-'));
    this.trace = `${this.dir}/trace`;
    writeFileSync(this.trace, '');
    this.seen = {}; // of files: how far, and the line that has not ended
    this.isDoubtful = false; // a hook may have been lost
    this.isStopped = false; // or comes later than another machine's
  }

  count(what) {
    this.counts[what] = (this.counts[what] || 0) + 1;
  }

  log(text) {
    writeFileSync(`${this.dir}/story`,
      `${new Date().toISOString().slice(11, 23)} ${text}\n`, { flag: 'a' });
  }

  pickMachine(random) {
    const there = this.machines.filter(({ child }) => child && !child.isOver);
    return there[random.below(there.length)];
  }

  async start() {
    const { o, dir } = this;
    const config = { appendonly: 'yes', appendfsync: 'always',
      ...o.safe ? { 'min-replicas-to-write': 1, 'min-replicas-max-lag': 2 } : {} };
    this.redis = new KINDS[o.redis](`${dir}/redis`, config);
    await this.redis.start();
    const scripts = `${dir}/scripts`;
    mkdirSync(scripts);
    cpSync(`${here}/scripts/faults.lua`, `${scripts}/main.lua`);
    for (let i = 1; i <= o.machines; i++) {
      const network = new Network(this.redis);
      await network.listen();
      const name = `web-${i}`;
      const url = this.redis.url((server) => network.port(server));
      const machine = new Machine({ name, dir, url, scripts,
        env: { FAULTS_TRACE: this.trace, FAULTS_MACHINE: name },
        options: { workers: o.workers, 'node.lease_s': LEASE_S * o.patience,
          'redis.probe_s': 0.2 * o.patience, 'redis.timeout_s': o.patience,
          'presence.every_ms': 20, 'script.burst_ms': 10000 } });
      machine.network = network;
      this.machines.push(machine);
    }
    for (const machine of this.machines) await machine.start();
    for (let i = 0; i < o.users; i++) this.#addUser(`u${i}`);
    for (const member of this.members) member.connect();
    this.watch = setInterval(() => {
      const now = Date.now();
      for (const member of this.members)
        if (member.wire) member.watch(now, 1500 * o.patience);
    }, 200);
  }

  #addUser(user) {
    const random = derive(this.o.seed, user);
    const rooms = [`chat:${random.below(3)}`, `chat:${3 + random.below(2)}`, 'tight:1',
      'plain:1'];
    for (let device = 0; device <= random.below(2); device++)
      this.members.push(new Member(this, user, device, rooms,
        derive(this.o.seed, `${user}/${device}`)));
  }

  // The hooks that have run since the last call, and what machines know to have
  // been said twice.
  readTrace() {
    for (const line of this.#linesOf(this.trace)) {
      this.log(`hook ${line}`);
      this.ledger.came(line, this.isDoubtful, this.isStopped);
    }
    for (const machine of this.machines)
      for (const line of this.#linesOf(machine.log)) {
        const [, user, what] = line.match(/user=(\S+) was said to be (on|off)line twice/) || [];
        if (!user) continue;
        this.log(`twice ${what} ${user} ${machine.name}`);
        this.ledger.twice(user, what);
      }
  }

  // Those of a file that are new.
  #linesOf(name) {
    const file = openSync(name, 'r'), chunk = Buffer.alloc(1 << 16);
    const seen = this.seen[name] ||= { at: 0, rest: '' };
    for (let n; (n = readSync(file, chunk, 0, chunk.length, seen.at)) > 0;) {
      seen.at += n;
      seen.rest += chunk.toString('latin1', 0, n);
    }
    closeSync(file);
    const lines = seen.rest.split('\n');
    seen.rest = lines.pop();
    return lines;
  }
}

// --- talk ---------------------------------------------------------------------

function live(world, member) {
  const { random } = member;
  const next = () => {
    if (world.isCalm) return;
    setTimeout(next, random.exponential(80));
    if (member.isReady && member.waiting.size < 20) act(world, member);
    if (random.chance(0.01)) comeAndGo(world, member);
  };
  setTimeout(next, random.exponential(80));
}

function act(world, member) {
  const { random } = member;
  const joined = [...member.places.values()].filter(({ isJoined }) => isJoined);
  if (random.chance(0.2))
    return member.tell(world.members[random.below(world.members.length)].user);
  if (joined.length) member.say(joined[random.below(joined.length)].name);
}

// A user with all devices, or one of them.
function comeAndGo(world, member) {
  const { random } = member;
  const all = random.chance(0.5) ? world.members.filter(({ user }) => user === member.user)
    : [member];
  for (const one of all) one.leave();
  setTimeout(() => all.forEach((one) => one.isWanted || one.come()),
    random.between(0, 2500));
}

// --- calm ---------------------------------------------------------------------

// What `what` still finds wrong when the time is over is a fault of this kind.
async function until(world, what, problem) {
  const end = Date.now() + 20000 * world.o.patience;
  let found;
  while ((found = [await what() || []].flat()).length && Date.now() < end)
    await sleep(50);
  for (const text of found) world.ledger.fault(problem, text);
}

// The machines that do not have all of Redis yet.
async function unwell(world) {
  const said = await Promise.all(world.machines.map(async ({ name, admin }) => {
    const text = await (await fetch(`http://${admin}/healthz`)).text();
    return text.startsWith('ok') ? [] : `${name} is ${text.trim().replace(/\n/g, ', ')}`;
  }));
  return said.flat();
}

async function heal(world) {
  world.isCalm = true;
  await Promise.all([...world.busy]);
  for (const machine of world.machines) machine.network.open();
  for (const member of world.members) if (!member.isWanted) member.come();
  await until(world, async () => !await world.redis.isWhole()
    && `Redis is not whole: ${world.redis.problem || ''}`,
    'proof');
  await until(world, () => unwell(world), 'stuck');
  await sleep(500 * world.o.patience); // those who joined meanwhile are heard, too
  await until(world, () => world.members.filter((member) => !member.isSettled)
    .map((member) => `${member.name} at ${member.machine?.name} is not settled: ${
      [...member.waiting.values()].map(({ type, data }) => `${type} ${data.room}`)}`)
    .slice(0, 3).join('; '), 'stuck');
}

function wrongPositions(world) {
  const found = new Map(), wrong = [];
  for (const member of world.members)
    for (const { name, position } of member.places.values()) {
      if (!position) continue;
      const first = found.get(name);
      if (!first) found.set(name, position);
      else if (first.epoch !== position.epoch || first.seq !== position.seq)
        wrong.push(`${member.name} at ${member.machine.name} is at ${name} ${
          position.epoch}:${position.seq}, another one at ${first.epoch}:${first.seq}`);
    }
  return wrong.slice(0, 5);
}

// Everybody says something to everybody, and all of it arrives.
async function talkInCalm(world) {
  const { ledger, members } = world, before = await losses(world);
  ledger.direct = new Set();
  for (const member of members) {
    if (!member.isReady) continue; // and a loss will be seen
    for (const { name } of member.places.values()) {
      member.say(name);
      const said = member.latestSaid;
      for (const other of members)
        if (other.places.has(name)) ledger.direct.add(`${other.name} ${name} ${said}`);
    }
    const { user } = members[member.random.below(members.length)];
    member.tell(user);
    const told = member.latestSaid;
    for (const other of members)
      if (other.user === user) ledger.direct.add(`${other.name}  ${told}`);
  }
  const isSlow = await talked(world, before);
  ledger.direct = null;
  if (!isSlow) return;
  await heal(world);
  await talkInCalm(world);
}

// Whether this has to be done again: on a machine that is too slow for its
// timeouts, connections to Redis are lost in calm, too.
async function talked(world, before) {
  const { direct } = world.ledger, end = Date.now() + 20000 * world.o.patience;
  while (direct.size && Date.now() < end) {
    await sleep(50);
    if (await losses(world) > before) return true;
  }
  for (const one of [...direct].slice(0, 5)) world.ledger.fault('missing', `in calm: ${one}`);
  return false;
}

// How often a connection to Redis was lost, or something was refused for that.
async function losses(world) {
  const all = await Promise.all(world.machines.map((machine) =>
    machine.metrics('perigee_redis_losses_total')));
  return all.reduce((sum, one) => sum + one.perigee_redis_losses_total,
    world.counts.UNAVAILABLE || 0);
}

function expectedRoster(world, room) {
  const roster = {};
  for (const { user, places } of world.members)
    if (places.has(room)) roster[user] = (roster[user] || 0) + 1;
  return JSON.stringify(Object.entries(roster).sort());
}

function wrongRosters(world) {
  const wrong = [];
  for (const member of world.members)
    for (const { name, roster } of member.places.values()) {
      if (!name.startsWith('chat')) continue;
      const own = JSON.stringify([...roster || []].sort());
      if (own !== expectedRoster(world, name))
        wrong.push(`${member.name} at ${member.machine.name}: ${name} has ${own}, not ${
          expectedRoster(world, name)}`);
    }
  return wrong.slice(0, 5);
}

async function askWho(world) {
  const wrong = [];
  await Promise.all(world.members.flatMap((member) =>
    [...member.places.keys()].filter((name) => name.startsWith('chat')).map((room) =>
      Promise.race([sleep(3000 * world.o.patience), new Promise((done) =>
        member.request('who', { room }, ({ users }) => {
          const own = JSON.stringify(Object.entries(users).sort());
          if (own !== expectedRoster(world, room))
            wrong.push(`${member.machine.name} says of ${room} ${own}, not ${
              expectedRoster(world, room)}`);
          done();
        }))]))));
  return wrong.slice(0, 5);
}

async function settle(world) {
  await heal(world);
  await talkInCalm(world);
  await until(world, () => wrongPositions(world), 'missing');
  world.ledger.settle(world.members);
  await until(world, () => wrongRosters(world), 'presence');
  await until(world, () => askWho(world), 'presence');
  await until(world, () => {
    world.readTrace();
    return world.isDoubtful ? [] : world.members.filter(({ user }) =>
      !world.ledger.isEven(user, true)).map(({ user }) => `${user} is here, and ${
      world.ledger.told(user)}`);
  }, 'online');
  world.ledger.settleUsers();
  for (const { user } of world.members) world.ledger.isHere(user);
}

// --- all ----------------------------------------------------------------------

async function storm(world, random) {
  world.isCalm = world.isDoubtful = world.isStopped = false;
  for (const member of world.members) live(world, member);
  for (let i = 0; i < world.o.round && world.faults < world.o.faults; i++) {
    await sleep(random.exponential(world.o.mean * world.o.patience));
    await happen(world, random);
    world.readTrace();
  }
  await sleep(200);
}

async function leaveAll(world) {
  for (const member of world.members) member.leave();
  await until(world, () => {
    world.readTrace();
    return [...world.ledger.users.keys()].filter((user) => !world.ledger.isEven(user, false))
      .map((user) => `${user} has gone, and ${world.ledger.told(user)}`);
  }, 'online');
}

function summary(world) {
  const { o, ledger, counts, kinds } = world;
  const list = (all) => Object.entries(all).map(([key, n]) => `${n} ${key}`).join(', ') || 'none';
  let ons = 0, offs = 0;
  for (const one of ledger.users.values()) ons += one.ons, offs += one.offs;
  console.log(`
  seed      ${o.seed} (${o.redis}${o.safe ? ', safe' : ''}; ${o.machines} machines, ${
  o.workers} workers, ${world.members.length} devices of ${o.users} users)
  faults    ${world.faults}: ${list(kinds)}
  messages  ${ledger.heardCount} with numbers heard
  clients   ${list(counts)}
  hooks     ${ons} online, ${offs} offline; ${ledger.excused} lost by deaths and lost memory, ${
  ledger.late} late, ${ledger.twiceSaid} twice as their machine was taken for dead
  wrong     ${list(ledger.counts)}
`);
}

async function run(o) {
  const world = new World(o);
  const random = derive(o.seed, 'faults');
  console.log(`seed ${o.seed}, in ${world.dir}`);
  await world.start();
  await settle(world);
  while (world.faults < o.faults && !world.ledger.faults) {
    await storm(world, random);
    await settle(world);
    world.log('calm');
  }
  await leaveAll(world);
  world.isOver = true;
  clearInterval(world.watch);
  for (const { child } of world.machines) {
    const status = await child.kill('TERM');
    if (status !== 0) world.ledger.fault('died', `a machine ended with ${status}`);
  }
  await world.redis.stop();
  summary(world);
  if (world.ledger.faults || o.keep) console.log(`what there is: ${world.dir}`);
  else rmSync(world.dir, { recursive: true });
  return world.ledger.faults ? 1 : 0;
}

const o = options(process.argv.slice(2));
process.exit(await run(o));
