// SPDX-License-Identifier: MIT
// A Redis Cluster: three masters and a replica of each, on free ports.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { Plain, Redis } from './redis.mjs';
import { freePort } from './process.mjs';

const MASTERS = 3;

// What CLUSTER NODES says: { id, port, isMaster, isSelf, slots: [first, last] }.
// One slot that is on its way makes it not `isCalm`.
function readNodes(text) {
  if (typeof text !== 'string') return [];
  return text.trim().split('\n').map((line) => {
    const [id, address, flags, , , , , , ...slots] = line.split(' ');
    return { id, port: Number(address.match(/:(\d+)@/)?.[1]),
      isMaster: flags.includes('master') && !flags.includes('fail'),
      isSelf: flags.includes('myself'), isCalm: !slots.some((one) => one.startsWith('[')),
      slots: slots.filter((one) => !one.startsWith('[')).map((one) =>
        (one.includes('-') ? one.split('-') : [one, one]).map(Number)) };
  });
}

async function demand(server, ...words) {
  const answer = await server.command(...words);
  if (answer instanceof Error) throw new Error(`${words.join(' ')}: ${answer.message}`);
  return answer;
}

export class Cluster extends Plain {
  constructor(dir, options) {
    super(dir, options);
    this.kind = 'cluster';
    this.servers = Array.from({ length: 2 * MASTERS }, (_, i) =>
      new Redis(`${dir}/node-${i}`, { ...options, 'cluster-enabled': 'yes',
        appendfsync: 'everysec', // six that wait for the disk are too slow
        'cluster-node-timeout': 1500, 'repl-diskless-sync-delay': 0 }));
  }

  async start() {
    for (const server of this.servers) {
      server.options['cluster-port'] = await freePort();
      await server.start();
    }
    await promisify(execFile)('redis-cli', ['--cluster', 'create',
      ...this.servers.map(({ port }) => `127.0.0.1:${port}`), '--cluster-replicas', '1',
      '--cluster-yes']);
    await this.servers[0].until(() => this.isWhole());
  }

  // As this server sees it.
  async #nodes(server) {
    return readNodes(await server.command('CLUSTER', 'NODES'));
  }

  // Those that answer, and take themselves for masters with slots.
  async masters() {
    const found = [];
    for (const server of this.servers) {
      const self = (await this.#nodes(server)).find(({ isSelf }) => isSelf);
      if (self?.isMaster && self.slots.length) found.push(server);
    }
    return found.length ? found : this.servers.slice(0, 1);
  }

  // All serve, see the same, and each master has its replica.
  async isWhole() {
    this.problem = await this.#look();
    return !this.problem;
  }

  async #look() {
    const views = new Set();
    for (const server of this.servers) {
      const info = await server.command('CLUSTER', 'INFO');
      if (!/cluster_state:ok/.test(info) || !/cluster_slots_ok:16384/.test(info))
        return `${server.port}: ${String(info).slice(0, 100).replace(/\s+/g, ' ')}`;
      const nodes = await this.#nodes(server);
      if (nodes.length !== this.servers.length) return `${server.port} knows ${nodes.length}`;
      if (nodes.some(({ isCalm }) => !isCalm)) return `${server.port} has a slot on its way`;
      views.add(JSON.stringify(nodes.filter(({ isMaster, slots }) => isMaster && slots.length)
        .map(({ id, slots }) => [id, slots]).sort()));
      const role = await server.info('replication');
      if (role.role === 'master' ? !/state=online/.test(role.slave0 || '')
        : role.master_link_status !== 'up') return `${server.port} has nobody beside it`;
    }
    return views.size === 1 ? '' : `they see ${[...views].join(' and ')}`;
  }

  // A replica takes the place of its master; with `how` FORCE it does not ask
  // the master, which then may have written something more.
  async failover(random) {
    const masters = await this.masters();
    const replicas = this.servers.filter((server) => !masters.includes(server));
    if (!replicas.length) return;
    await replicas[random.below(replicas.length)].command('CLUSTER', 'FAILOVER',
      ...random.chance(0.4) ? ['FORCE'] : []);
  }

  // Some slots that have something go to another master, while all talk.
  async move(random) {
    const masters = await this.masters();
    if (masters.length < 2) return;
    const from = masters.splice(random.below(masters.length), 1)[0];
    const to = masters[random.below(masters.length)];
    for (let i = 1 + random.below(6); i > 0; i--) {
      const key = await from.command('RANDOMKEY');
      if (typeof key !== 'string') return;
      await this.#moveSlot(random, from, to, await from.command('CLUSTER', 'KEYSLOT', key));
    }
  }

  async #moveSlot(random, from, to, slot) {
    const set = (server, ...words) => demand(server, 'CLUSTER', 'SETSLOT', slot, ...words);
    const [fromId, toId] = [await demand(from, 'CLUSTER', 'MYID'),
      await demand(to, 'CLUSTER', 'MYID')];
    await set(to, 'IMPORTING', fromId);
    await set(from, 'MIGRATING', toId);
    if (random.chance(0.5)) await sleep(random.between(0, 300));
    for (let keys; (keys = await demand(from, 'CLUSTER', 'GETKEYSINSLOT', slot,
      1 + random.below(10))).length;) {
      await demand(from, 'MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys);
      if (random.chance(0.3)) await sleep(random.between(0, 100));
    }
    await set(to, 'NODE', toId);
    if (random.chance(0.5)) await sleep(random.between(0, 100));
    await set(from, 'NODE', toId);
  }

  url(port) {
    return `redis+cluster://${this.servers.slice(0, MASTERS).map((server) =>
      `127.0.0.1:${port(server)}`).join(',')}`;
  }
}
