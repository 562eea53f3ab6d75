// SPDX-License-Identifier: MIT
// A Redis of one's own, or a master, a replica and three Sentinels; on free
// ports, in a folder of their own.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child, freePort } from './process.mjs';

// A value of RESP2 at `at`, and where the next one begins; or null. Texts are
// latin1; an error is an Error.
function parse(text, at = 0) {
  const end = text.indexOf('\r\n', at);
  if (end < 0) return null;
  const rest = text.slice(at + 1, end), kind = text[at];
  let next = end + 2;
  if (kind === '+') return [rest, next];
  if (kind === '-') return [new Error(rest), next];
  if (kind === ':') return [Number(rest), next];
  const count = Number(rest);
  if (count < 0) return [null, next];
  if (kind === '$')
    return text.length < next + count + 2 ? null
      : [text.slice(next, next + count), next + count + 2];
  const list = [];
  for (let i = 0; i < count; i++) {
    const one = parse(text, next);
    if (!one) return null;
    list.push(one[0]);
    next = one[1];
  }
  return [list, next];
}

export class Redis {
  constructor(dir, options = {}, kind = 'redis') {
    Object.assign(this, { dir, options, kind });
    mkdirSync(dir, { recursive: true });
  }

  async start() {
    this.port ||= await freePort();
    // A Sentinel, and a server that Sentinels look after, write it anew.
    if (!this.isConfigured) this.configure();
    this.child = new Child(['redis-server', `${this.dir}/redis.conf`,
      ...this.kind === 'sentinel' ? ['--sentinel'] : []],
    { log: `${this.dir}/log`, nice: 0 });
    await this.until(async () => await this.command('PING') === 'PONG');
  }

  configure() {
    const all = { port: this.port, bind: '127.0.0.1', dir: this.dir,
      ...this.kind === 'sentinel' ? {} : { save: '""' }, ...this.options };
    writeFileSync(`${this.dir}/redis.conf`, Object.entries(all).flatMap(([name, value]) =>
      [value].flat().map((one) => `${name} ${one}\n`)).join(''));
    this.isConfigured = true;
  }

  async until(what, ms = 30000) {
    const end = Date.now() + ms;
    while (!await what()) {
      if (Date.now() > end) throw new Error(`Redis at ${this.port}: not in time`);
      await sleep(30);
    }
  }

  // Its answer; an Error, also when there is none in time.
  command(...words) {
    return new Promise((done) => {
      const socket = net.connect({ port: this.port, host: '127.0.0.1' });
      let text = '';
      const end = (value) => {
        clearTimeout(timer);
        socket.destroy();
        done(value);
      };
      const timer = setTimeout(end, 3000, new Error('no answer'));
      socket.on('error', end);
      socket.on('close', () => end(new Error('closed')));
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        const one = parse(text);
        if (one) end(one[0]);
      });
      socket.write(`*${words.length}\r\n` + words.map((word) =>
        `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`).join(''));
    });
  }

  // A section of INFO, as an object.
  async info(section) {
    const text = await this.command('INFO', section);
    if (text instanceof Error) return {};
    return Object.fromEntries([...text.matchAll(/^(\w+):(.*?)\r?$/gm)]
      .map(([, name, value]) => [name, value]));
  }

  signal(name) {
    this.child.signal(name);
  }

  async kill() {
    await this.child.kill();
  }

  // What it had on disk is lost.
  forget() {
    rmSync(`${this.dir}/appendonlydir`, { recursive: true, force: true });
    rmSync(`${this.dir}/dump.rdb`, { force: true });
  }
}

// `servers` are all that may hold data, `sentinels` who decides; `masters` are
// those that take what is written now.
export class Plain {
  constructor(dir, options) {
    this.servers = [new Redis(`${dir}/redis`, options)];
    this.sentinels = [];
    this.kind = 'plain';
  }

  async start() {
    await this.servers[0].start();
  }

  async masters() {
    return this.servers;
  }

  async isWhole() {
    return await this.servers[0].command('PING') === 'PONG';
  }

  // What a machine is told, where the ports are these.
  url(port) {
    return `redis://127.0.0.1:${port(this.servers[0])}`;
  }

  async stop() {
    for (const server of [...this.servers, ...this.sentinels])
      if (server.child) await server.kill();
  }
}

export class Watched extends Plain {
  constructor(dir, options, sentinel = {}) {
    super(dir, options);
    this.servers.push(new Redis(`${dir}/replica`, options));
    this.sentinels = [0, 1, 2].map((i) => new Redis(`${dir}/sentinel-${i}`, {},
      'sentinel'));
    this.options = { down: 1000, failover: 4000, ...sentinel };
    this.kind = 'sentinel';
  }

  async start() {
    const [first, second] = this.servers;
    for (const server of this.servers)
      server.options = { ...server.options, 'repl-diskless-sync-delay': 0,
        'repl-timeout': 5 };
    await first.start();
    second.options.replicaof = `127.0.0.1 ${first.port}`;
    await second.start();
    for (const sentinel of this.sentinels) {
      sentinel.options.sentinel = [`monitor mymaster 127.0.0.1 ${first.port} 2`,
        `down-after-milliseconds mymaster ${this.options.down}`,
        `failover-timeout mymaster ${this.options.failover}`];
      await sentinel.start();
    }
    await first.until(() => this.isWhole());
  }

  async #address(sentinel) {
    const answer = await sentinel.command('SENTINEL', 'MASTER', 'mymaster');
    if (!Array.isArray(answer)) return {};
    return Object.fromEntries(answer.map((name, i) => [name, answer[i + 1]])
      .filter((_, i) => i % 2 === 0));
  }

  async master() {
    for (const sentinel of this.sentinels) {
      const { port } = await this.#address(sentinel);
      const found = this.servers.find((server) => server.port === Number(port));
      if (found) return found;
    }
    return this.servers[0];
  }

  // Everybody knows everybody, and the replica follows.
  async masters() {
    return [await this.master()];
  }

  async failover(random) {
    await this.sentinels[random.below(3)].command('SENTINEL', 'FAILOVER', 'mymaster');
  }

  async isWhole() {
    const ports = new Set();
    for (const sentinel of this.sentinels) {
      const one = await this.#address(sentinel);
      if (one['num-other-sentinels'] !== '2' || Number(one['num-slaves']) < 1
        || one.flags !== 'master') return false;
      ports.add(Number(one.port));
    }
    const [port] = ports;
    const master = this.servers.find((server) => server.port === port);
    if (ports.size !== 1 || !master) return false;
    const info = await master.info('replication');
    return info.role === 'master' && /state=online/.test(info.slave0 || '');
  }

  url(port) {
    return `redis+sentinel://${this.sentinels.map((sentinel) =>
      `127.0.0.1:${port(sentinel)}`).join(',')}/mymaster`;
  }
}
