// SPDX-License-Identifier: MIT
// The real server as a child process: started on a free port, stopped by pid.

import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const BIN = process.env.PERIGEE_BIN || here('../../build/perigee');
const SECRET = 'a secret of the tests, 32 bytes or more';

const part = (value) =>
  Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * A token for `user` that is valid for `ttl` seconds (a past one if < 0), with
 * more `claims`.
 */
export function token(user, ttl = 3600, claims = {}) {
  const exp = Math.floor(Date.now() / 1000) + ttl;
  const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${
    part({ sub: user, exp, ...claims })}`;
  const seal = createHmac('sha256', SECRET).update(body).digest('base64url');
  return `${body}.${seal}`;
}

export class Server {
  log = '';

  /** `options` are the server's own, by their long names. */
  static async start(t, { scripts = here('scripts'), ...options } = {}) {
    await access(BIN).catch(() => {
      throw new Error(`no server at ${BIN}: build it or set PERIGEE_BIN`);
    });
    const server = new Server();
    server.folder = await mkdtemp(join(tmpdir(), 'perigee-'));
    server.scripts = scripts;
    server.options = { 'auth.secret': SECRET, 'limits.per_ip': 0,
      'limits.per_user': 0, ...options };
    t.after(() => server.end());
    await server.run('127.0.0.1:0');
    return server;
  }

  /** Starts the process; again, after `stop`, on the port it had. */
  async run(listen = `127.0.0.1:${this.port}`) {
    const flags = Object.entries({ listen, 'admin.listen': '', ...this.options })
      .map(([name, value]) => `--${name}=${value}`);
    this.child = spawn(BIN, ['dev', this.scripts, ...flags],
      { cwd: this.folder, env: {}, stdio: ['ignore', 'ignore', 'pipe'] });
    const exited = once(this.child, 'exit');
    const ready = new Promise((resolve) => {
      this.child.stderr.setEncoding('utf8').on('data', (text) => {
        this.log += text;
        const found = /ready on http:\/\/127\.0\.0\.1:(\d+)\s/.exec(this.log);
        if (found) resolve(Number(found[1]));
      });
    });
    const failed = exited.then(([code]) => {
      throw new Error(`the server ended with ${code}:\n${this.log}`);
    });
    failed.catch(() => {}); // after it was ready, that is what stop is for
    this.exited = exited;
    this.port = await Promise.race([ready, failed]);
    this.url = `http://127.0.0.1:${this.port}`;
    this.admin = `http://${/ admin=(\S+)/.exec(this.log)?.[1]}`;
    this.log = '';
  }

  async stop(signal = 'SIGTERM') {
    this.child.kill(signal);
    await this.exited;
  }

  async end() {
    if (this.child?.exitCode === null && !this.child.signalCode) {
      await this.stop('SIGKILL');
    }
    await rm(this.folder, { recursive: true });
  }
}
