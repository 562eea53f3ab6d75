#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// The master of a Redis that Sentinels look after is killed while messages flow
// between three machines: how long nothing flows, what is lost with a word, and
// what without. `--help`.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { derive } from '../cuts/random.mjs';
import { Ledger } from './ledger.mjs';
import { Machine } from './machine.mjs';
import { Member } from './member.mjs';
import { Watched } from './redis.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

const USAGE = `bench/machines/failover.mjs [--rounds=5] [--rate=200] [--users=12]
  [--down=2000] [--safe] [--id] [--keep]

  --down  down-after-milliseconds of the Sentinels
  --safe  min-replicas-to-write 1, min-replicas-max-lag 2; the old master comes
          back as soon as there is another one, as the replica
  --id    messages have an id, and are said again after UNAVAILABLE
Exit status 1: something is missing without a word.
`;

function options(words) {
  const all = { rounds: 5, rate: 200, users: 12, down: 2000, safe: false, id: false,
    keep: false, seed: 1 };
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

async function startAll(o) {
  const dir = mkdtempSync(path.join(tmpdir(), 'failover-'));
  const redis = new Watched(`${dir}/redis`, { appendonly: 'yes', ...o.safe
    ? { 'min-replicas-to-write': 1, 'min-replicas-max-lag': 2 } : {} }, { down: o.down });
  const scripts = `${dir}/scripts`;
  mkdirSync(scripts);
  copyFileSync(`${here}/scripts/faults.lua`, `${scripts}/main.lua`);
  writeFileSync(`${dir}/trace`, '');
  await redis.start();
  const machines = [];
  for (const name of ['web-1', 'web-2', 'web-3']) {
    const machine = new Machine({ name, dir, scripts, url: redis.url(({ port }) => port),
      env: { FAULTS_TRACE: `${dir}/trace`, FAULTS_MACHINE: name } });
    await machine.start();
    machines.push(machine);
  }
  return { dir, redis, machines };
}

class Flow {
  constructor(o, machines) {
    Object.assign(this, { o, machines, ledger: new Ledger(), counts: {}, isCalm: true,
      sentAt: new Map(), flowed: new Map() });
    this.members = Array.from({ length: o.users }, (_, i) =>
      new Member(this, `u${i}`, 0, ['chat:0'], derive(o.seed, i)));
    this.members.forEach((member, i) => {
      member.random.chance = () => o.id;
      this.spread = i;
      member.connect();
    });
    const { ledger } = this, heard = ledger.heard.bind(ledger);
    ledger.heard = (member, room, what) => {
      heard(member, room, what);
      if (this.killedAt && this.sentAt.get(what) > this.killedAt && !this.flowed.has(member))
        this.flowed.set(member, Date.now() - this.killedAt);
    };
  }

  pickMachine() {
    return this.machines[this.spread++ % this.machines.length];
  }

  count(what) {
    this.counts[what] = (this.counts[what] || 0) + 1;
  }

  talk() {
    let next = 0;
    this.timer = setInterval(() => {
      const member = this.members[next++ % this.members.length];
      if (!member.isReady || !member.places.get('chat:0').isJoined) return;
      member.say('chat:0');
      this.sentAt.set(member.latestSaid, Date.now());
    }, 1000 / this.o.rate);
  }

  async settled(what) {
    for (const end = Date.now() + 60000; Date.now() < end; await sleep(20))
      if (what()) return;
    this.ledger.fault('stuck', String(what));
  }

  isEven() {
    const places = this.members.map(({ places: all }) => all.get('chat:0').position);
    return this.members.every(({ isSettled }) => isSettled) && places.every((one) =>
      one.epoch === places[0].epoch && one.seq === places[0].seq);
  }
}

// It is the replica now, which the new master must have to take anything.
async function comeBack(redis, former) {
  while (await redis.master() === former) await sleep(50);
  await former.start();
}

// One failover; resolves with its figures.
async function fail(o) {
  const { dir, redis, machines } = await startAll(o);
  const flow = new Flow(o, machines);
  await flow.settled(() => flow.members.every(({ isSettled }) => isSettled));
  flow.talk();
  await sleep(3000);
  const master = await redis.master();
  flow.killedAt = Date.now();
  await master.kill();
  if (o.safe) await comeBack(redis, master);
  await flow.settled(() => flow.flowed.size === flow.members.length);
  await sleep(2000);
  clearInterval(flow.timer);
  await flow.settled(() => flow.isEven());
  const { ledger, counts } = flow, { heard } = ledger.rooms.get('chat:0');
  const acked = ledger.acked.filter(({ what }) => !heard.has(what)).length;
  ledger.settle(flow.members);
  const times = [...flow.flowed.values()];
  for (const { child } of machines) await child.kill();
  await redis.stop();
  if (!o.keep) rmSync(dir, { recursive: true });
  return { first: Math.min(...times), all: Math.max(...times), said: flow.sentAt.size,
    refused: counts.UNAVAILABLE || 0, unheard: [...flow.sentAt.keys()].filter((what) =>
      !heard.has(what)).length, acked, resyncs: counts.resync || 0, faults: ledger.faults };
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

const o = options(process.argv.slice(2));
const found = [];
for (let i = 0; i < o.rounds; i++) found.push(await fail({ ...o, seed: i + 1 }));
const of = (name) => found.map((one) => one[name]);
const figures = (name) => `${median(of(name))} ms (${Math.min(...of(name))}–${
  Math.max(...of(name))})`;
const sum = (name) => of(name).reduce((a, b) => a + b, 0);
console.log(`
  ${o.rounds} failovers, ${o.rate} messages a second, down-after ${o.down} ms${
  o.safe ? ', min-replicas-to-write 1' : ''}${o.id ? ', with ids, said again' : ''}
  flows again   after ${figures('first')}, for all after ${figures('all')}
  said          ${sum('said')}, ${sum('refused')} answers UNAVAILABLE
  with a word   ${sum('unheard')} heard by nobody, ${sum('acked')} of them acknowledged; ${
  sum('resyncs')} resyncs
  without       ${sum('faults')}
`);
process.exit(sum('faults') ? 1 : 0);
