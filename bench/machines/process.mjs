// SPDX-License-Identifier: MIT
// Processes of a proof: they end with it, also when it is killed.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import net from 'node:net';

// A port of the loopback that nobody has at the moment.
export async function freePort() {
  const server = net.createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

export class Child {
  // Runs it; what it says is added to the file `log`.
  constructor(words, { log, env = {}, nice = 0 }) {
    const file = openSync(log, 'a');
    const all = ['--pdeathsig', 'KILL', ...nice ? ['nice', '-n', nice] : [], ...words];
    this.log = log;
    this.process = spawn('setpriv', all.map(String),
      { stdio: ['ignore', file, file], env: { ...process.env, ...env } });
    closeSync(file);
    this.pid = this.process.pid;
    this.ended = new Promise((done) => this.process.on('exit', (code, signal) => {
      this.status = signal || code;
      done(this.status);
    }));
  }

  get isOver() {
    return this.status !== undefined;
  }

  signal(name) {
    if (!this.isOver) this.process.kill(`SIG${name}`);
  }

  async kill(name = 'KILL') {
    this.signal(name);
    return await this.ended;
  }

  // Seconds of CPU that it has used, and bytes that it has.
  usage() {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { cpu: (Number(fields[11]) + Number(fields[12])) / 100,
      bytes: Number(fields[21]) * 4096 };
  }

  said() {
    return readFileSync(this.log, 'utf8');
  }
}
