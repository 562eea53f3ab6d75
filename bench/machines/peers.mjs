// SPDX-License-Identifier: MIT
// Servers for a room of many: one or two, of Perigee or of socket.io.
import path from 'node:path';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import net from 'node:net';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { SECRET } from '../cuts/server.mjs';
import { BINARY, Machine } from './machine.mjs';
import { Child, freePort } from './process.mjs';

// Servers have a CPU of their own, where there are several.
const PIN = availableParallelism() > 1 ? ['taskset', '-c', '0'] : [];

const here = path.dirname(fileURLToPath(import.meta.url));

// The handlers of `perigee bench`; with a history, if all rooms are to have one.
function scriptsFor(dir, hasHistory) {
  const folder = `${dir}/${hasHistory ? 'kept' : 'plain'}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/bench.lua`, execFileSync(BINARY, ['bench', '--handlers']));
  copyFileSync(`${here}/scripts/cost.lua`, `${folder}/cost.lua`);
  if (hasHistory)
    writeFileSync(`${folder}/rooms.lua`,
      'return { ["@rooms"] = { ["*"] = { history = { messages = 100 } } } }\n');
  return folder;
}

// Starts machines; `redis` null: one, with the engine in memory.
export async function perigees(dir, count, redis, { hasHistory = false, options = {} } = {}) {
  const scripts = scriptsFor(dir, hasHistory), machines = [];
  for (let i = 1; i <= count; i++) {
    const machine = new Machine({ name: `web-${i}`, dir, scripts,
      url: redis?.url(({ port }) => port), options });
    machine.log = `${dir}/web-${Date.now()}-${i}.log`;
    machine.words.unshift(...PIN);
    await machine.start({ isReady: Boolean(redis) });
    machines.push(machine);
  }
  return { ports: machines.map(({ port }) => port), dialect: 'json', machines,
    children: machines.map(({ child }) => child) };
}

async function listens(port) {
  for (let i = 0; i < 600; i++) {
    const ok = await new Promise((done) => {
      const socket = net.connect({ port, host: '127.0.0.1' });
      socket.on('connect', () => { socket.destroy(); done(true); });
      socket.on('error', () => done(false));
    });
    if (ok) return;
    await sleep(50);
  }
  throw new Error(`nobody listens at ${port}`);
}

// `adapter`: redis, sharded or streams; '' for none.
export async function socketios(dir, count, redis, adapter) {
  const ports = [], children = [];
  for (let i = 1; i <= count; i++) {
    const port = await freePort();
    children.push(new Child([...PIN, 'node', `${here}/../servers/socketio.mjs`, port, SECRET],
      { log: `${dir}/socketio-${i}.log`, env: { ADAPTER: adapter,
        REDIS_URL: redis.url(({ port }) => port) } }));
    ports.push(port);
  }
  for (const port of ports) await listens(port);
  return { ports, dialect: 'socketio', children };
}

export async function stopAll({ children }) {
  for (const child of children) await child.kill('TERM');
}
