// SPDX-License-Identifier: MIT
// A Perigee, one of several.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECRET } from '../cuts/server.mjs';
import { Child, freePort } from './process.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
export const BINARY = process.env.PERIGEE_BIN || path.join(here, '../../build/perigee');

export class Machine {
  // `url` of its Redis; `options` beside those that all have.
  constructor({ name, dir, scripts, url, options, env, binary = BINARY }) {
    this.name = name;
    const all = {
      listen: '127.0.0.1:0', 'admin.listen': '127.0.0.1:0', 'auth.secret': SECRET,
      'node.name': name, 'shutdown.drain_s': 0, 'limits.per_ip': 0,
      'limits.per_user': 0, 'limits.messages_per_s': 0, 'limits.bytes_per_s': 0,
      'limits.handshakes_per_s': 0, 'limits.handshakes_per_ip': 0,
      ...url ? { engine: 'redis', 'redis.url': url } : {}, ...options,
    };
    this.words = [binary, 'serve', scripts,
      ...Object.entries(all).map(([key, value]) => `--${key}=${value}`)];
    this.log = `${dir}/${name}.log`;
    this.env = env;
  }

  // Starts it, also again; until it serves, and was connected to Redis once.
  async start({ isReady = true } = {}) {
    const before = this.child ? this.child.said().length : 0;
    this.child = new Child(this.words, { log: this.log, env: this.env });
    for (;;) {
      const text = this.child.said().slice(before);
      const found = text.match(/ready[^\n]*?https?:\/\/\S+?:(\d+)[^\n]* admin=(\S+)/);
      if (found) [, this.port, this.admin] = found;
      if (found && (!isReady || /redis=[^\n]* up:/.test(text))) break;
      if (this.child.isOver) throw new Error(`${this.name} did not start:\n${text}`);
      await sleep(30);
    }
    this.port = Number(this.port);
  }

  // The values of metrics whose names begin so, over all workers.
  async metrics(prefix) {
    const response = await fetch(`http://${this.admin}/metrics`);
    const values = {};
    for (const line of (await response.text()).split('\n')) {
      const at = line.lastIndexOf(' ');
      if (!line.startsWith(prefix)) continue;
      const name = line.slice(0, at).replace(/\{.*\}/, '');
      values[name] = (values[name] || 0) + Number(line.slice(at + 1));
    }
    return values;
  }
}

export { freePort };
