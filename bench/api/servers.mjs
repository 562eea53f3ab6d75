// SPDX-License-Identifier: MIT
// The servers that are measured: processes of their own, on CPU 0, and what CPU
// time they use.
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, readdirSync, rmSync,
  writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KEY, SECRET } from './wire.mjs';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname),
  '../..');

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const pinned = (words) => (availableParallelism() > 1 ? ['taskset', '-c', '0', ...words] : words);

const commands = {
  perigee: (server) => [process.env.PERIGEE_BIN ?? `${root}/build/perigee`, 'serve', server.dir,
    `--listen=127.0.0.1:${server.port}`, `--admin.listen=127.0.0.1:${server.apiPort}`,
    `--auth.secret=${SECRET}`, `--api.keys=bench:send:${KEY}`, '--log.level=warn',
    '--limits.messages_per_s=0', '--limits.bytes_per_s=0', '--limits.per_ip=0',
    '--limits.per_user=0', '--limits.handshakes_per_s=0'],
  socketio: (server) => ['node', `${root}/bench/servers/socketio.mjs`, server.port, SECRET],
};

export class Server {
  static async start(name) {
    const server = new Server();
    server.dialect = name === 'socketio' ? 'socketio' : 'json';
    server.port = await freePort();
    server.apiPort = name === 'socketio' ? server.port : await freePort();
    server.dir = mkdtempSync(path.join(tmpdir(), 'bench-api-'));
    writeFileSync(`${server.dir}/bench.lua`, readFileSync(`${root}/lua/perigee/bench.lua`));
    const log = openSync(`${server.dir}/log`, 'w');
    const words = pinned(commands[name](server)).map(String);
    server.process = spawn(words[0], words.slice(1), { stdio: ['ignore', log, log],
      env: { ...process.env, BENCH_KEY: KEY } });
    process.on('exit', () => server.process.kill('SIGKILL'));
    return server;
  }

  // Calls `open` until it succeeds.
  async ready(open) {
    for (let tries = 0; ; tries++) {
      try {
        return await open();
      } catch (error) {
        if (tries === 100 || this.process.exitCode !== null)
          throw new Error(`${error.message}\n${readFileSync(`${this.dir}/log`, 'utf8')}`);
        await sleep(50);
      }
    }
  }

  // Nanoseconds of CPU time, of all threads.
  cpu() {
    const tasks = `/proc/${this.process.pid}/task`;
    return readdirSync(tasks).reduce((sum, task) =>
      sum + Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]), 0);
  }

  stop() {
    this.process.kill('SIGKILL');
    rmSync(this.dir, { recursive: true });
  }
}
