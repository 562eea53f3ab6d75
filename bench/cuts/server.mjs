// SPDX-License-Identifier: MIT
// The server that is checked: a process of its own in a temporary folder.
import { spawn, execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { cpSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync,
  readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

export const SECRET = 'the secret of the checker: more than 32 bytes';
const here = path.dirname(fileURLToPath(import.meta.url));

const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

// A token that is good for a day.
export function sign(user) {
  const exp = Math.floor(Date.now() / 1000) + 86400;
  const body = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64({ sub: user, exp })}`;
  return `${body}.${createHmac('sha256', SECRET).update(body).digest('base64url')}`;
}

function makeCertificate(dir) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
    '/CN=localhost', '-keyout', `${dir}/key.pem`, '-out', `${dir}/cert.pem`],
  { stdio: 'ignore' });
  return { 'tls.cert': `${dir}/cert.pem`, 'tls.key': `${dir}/key.pem` };
}

export class Server {
  // `parts`: scripts beside main.lua; `options`: of the server.
  constructor({ binary, workers, secure, parts, options }) {
    this.dir = mkdtempSync(path.join(tmpdir(), 'cuts-'));
    mkdirSync(`${this.dir}/scripts`);
    for (const part of ['main', ...parts])
      cpSync(`${here}/scripts/${part}.lua`, `${this.dir}/scripts/${part}.lua`);
    this.traceFile = `${this.dir}/trace`;
    writeFileSync(this.traceFile, '');
    const all = {
      listen: '127.0.0.1:0', 'admin.listen': '127.0.0.1:0', workers,
      'auth.secret': SECRET, 'shutdown.drain_s': 0,
      'limits.per_ip': 0, 'limits.per_user': 0, 'limits.messages_per_s': 0,
      'limits.bytes_per_s': 0, 'limits.handshakes_per_s': 0,
      'limits.handshakes_per_ip': 0,
      ...(secure ? makeCertificate(this.dir) : {}), ...options,
    };
    const flags = Object.entries(all).map(([key, value]) => `--${key}=${value}`);
    const log = openSync(`${this.dir}/log`, 'w');
    this.process = spawn(binary, ['serve', `${this.dir}/scripts`, ...flags], {
      stdio: ['ignore', log, log],
      env: { ...process.env, CUTS_TRACE: this.traceFile },
    });
    closeSync(log);
    process.on('exit', () => this.process.kill('SIGKILL'));
    this.ended = new Promise((done) => this.process.on('exit', (code, signal) => {
      this.status = signal || code;
      done();
    }));
    this.traced = 0;
    this.rest = '';
  }

  log() {
    return readFileSync(`${this.dir}/log`, 'utf8');
  }

  async ready() {
    for (let i = 0; i < 600; i++) {
      const found = this.log().match(/ready[^\n]*?https?:\/\/\S+?:(\d+)[^\n]* admin=(\S+)/);
      if (found) {
        this.port = Number(found[1]);
        this.admin = found[2];
        return;
      }
      if (this.status !== undefined) break;
      await sleep(50);
    }
    throw new Error(`the server did not start:\n${this.log()}`);
  }

  reload() {
    this.process.kill('SIGHUP');
  }

  // The lines of the trace that have come since the last call.
  trace() {
    const file = openSync(this.traceFile, 'r');
    const chunk = Buffer.alloc(1 << 20);
    let text = this.rest;
    for (let n; (n = readSync(file, chunk, 0, chunk.length, this.traced)) > 0;) {
      this.traced += n;
      text += chunk.toString('latin1', 0, n);
    }
    closeSync(file);
    const lines = text.split('\n');
    this.rest = lines.pop();
    return lines;
  }

  // The values of metrics whose names begin so, over all workers.
  async metrics(prefix) {
    const response = await fetch(`http://${this.admin}/metrics`);
    const values = {};
    for (const line of (await response.text()).split('\n')) {
      const at = line.lastIndexOf(' ');
      if (!line.startsWith(prefix)) continue;
      const name = line.slice(0, at).replace(/worker="\d+",?/, '').replace('{}', '');
      values[name] = (values[name] || 0) + Number(line.slice(at + 1));
    }
    return values;
  }

  // Returns the exit status: 0, or what was wrong.
  async stop() {
    if (this.status === undefined) this.process.kill('SIGTERM');
    const late = setTimeout(() => this.process.kill('SIGKILL'), 60000);
    await this.ended;
    clearTimeout(late);
    return this.status;
  }

  remove() {
    if (existsSync(this.dir)) rmSync(this.dir, { recursive: true });
  }
}
