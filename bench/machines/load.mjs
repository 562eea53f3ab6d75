// SPDX-License-Identifier: MIT
// The load generator, `perigee bench`, before several servers: a proxy that
// deals out its connections in turn.
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { SECRET } from '../cuts/server.mjs';
import { BINARY } from './machine.mjs';

// Nanoseconds that a process has run, all threads together.
export function cpuOf(pid) {
  let sum = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]);
    } catch {} // it has ended
  }
  return sum;
}

export class Dealer {
  constructor(ports) {
    Object.assign(this, { ports, next: 0, bytes: 0, sockets: new Set() });
    this.server = net.createServer({ pauseOnConnect: true }, (near) => this.#deal(near));
  }

  async listen() {
    await new Promise((done) => this.server.listen({ port: 0, host: '127.0.0.1',
      backlog: 4096 }, done));
    this.port = this.server.address().port;
  }

  #deal(near) {
    const port = this.ports[this.next++ % this.ports.length];
    const far = net.connect({ port, host: '127.0.0.1' });
    for (const [from, to] of [[near, far], [far, near]]) {
      this.sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
    far.on('data', (bytes) => this.bytes += bytes.length);
    near.resume();
  }

  // Until so many bytes a second come from the servers.
  async flows(bytesPerSecond) {
    for (let before = this.bytes; ; before = this.bytes) {
      await sleep(250);
      if ((this.bytes - before) * 4 >= bytesPerSecond) return;
    }
  }

  close() {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

// Runs the generator with these words; resolves with its figures.
export function generate(port, words) {
  return new Promise((done, fail) => execFile(BINARY, ['bench', `ws://127.0.0.1:${port}`,
    '--config=/dev/null', '--json', '--wait=30s', '--timeout=30s', ...words],
  { env: { ...process.env, PERIGEE_AUTH_SECRET: SECRET }, maxBuffer: 1 << 24 },
  (error, out, said) => {
    try {
      done(JSON.parse(out));
    } catch {
      fail(error || new Error(said || out));
    }
  }));
}
