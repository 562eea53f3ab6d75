#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// What TLS costs those who come back: how many sessions are resumed, and the
// server's CPU for such a connection and for one with a full handshake. `--help`.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';

const USAGE = `bench/tickets.mjs [--clients=400] [--workers=1] [--key=ec] [--json]

Clients connect over TLS for the first time; again, with the ticket that they
were given; and once more after a reload of the server. Each time they hang up
when they are a WebSocket and have a ticket. The server's key is of P-256 (ec),
or of 2048 bits (rsa).

PERIGEE_BIN: the server, if it is not build/perigee.
`;

const here = path.dirname(fileURLToPath(import.meta.url));
const AT_ONCE = 8; // handshakes under way
const UPGRADE = ['GET /ws HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket',
  'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '', ''].join('\r\n');
const KEYS = {
  ec: ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  rsa: ['rsa:2048'],
};
const ROUNDS = { full: 'without a ticket', resumed: 'with one', reloaded: 'with one, after a reload' };

function options(words) {
  const o = { clients: 400, workers: 1, key: 'ec', json: false };
  for (const word of words) {
    const [, name, value] = word.match(/^--(\w+)(?:=(.*))?$/) || [];
    if (name === 'key' && value in KEYS) o.key = value;
    else if (name in o && name !== 'key') o[name] = typeof o[name] === 'number' ? Number(value) : true;
    else {
      process.stdout.write(USAGE);
      process.exit(name === 'help' ? 0 : 2);
    }
  }
  return o;
}

// ---- the server ----

async function freePort() {
  const server = net.createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

function certificate(dir, key) {
  execFileSync('openssl', ['req', '-x509', '-newkey', ...KEYS[key], '-nodes',
    '-days', '2', '-subj', '/CN=localhost',
    '-keyout', `${dir}/key.pem`, '-out', `${dir}/cert.pem`], { stdio: 'ignore' });
}

async function startServer(o) {
  const port = await freePort();
  const dir = mkdtempSync(path.join(tmpdir(), 'tickets-'));
  certificate(dir, o.key);
  writeFileSync(`${dir}/none.lua`, 'return {}\n');
  const binary = process.env.PERIGEE_BIN || path.join(here, '../build/perigee');
  const child = spawn(binary, ['serve', dir, `--listen=127.0.0.1:${port}`,
    '--admin.listen=', '--auth.secret=the secret of the tickets: more than 32 bytes',
    `--tls.cert=${dir}/cert.pem`, `--tls.key=${dir}/key.pem`, `--workers=${o.workers}`,
    '--limits.per_ip=0', '--limits.handshakes_per_s=0', '--limits.handshakes_per_ip=0',
    '--log.level=warn', '--shutdown.drain_s=0'], { stdio: ['ignore', 'inherit', 'inherit'] });
  process.on('exit', () => {
    child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  });
  for (let i = 0; i < 200; i++) {
    const ticket = await shake(port).catch(() => null);
    if (ticket) return { port, pid: child.pid };
    await sleep(100);
  }
  throw new Error('the server does not listen');
}

// Seconds of CPU that the server has used, by the nanoseconds of its threads.
function cpuOf(pid) {
  const ns = readdirSync(`/proc/${pid}/task`)
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1'))
    .reduce((sum, text) => sum + Number(text.split(' ')[0]), 0);
  return ns / 1e9;
}

// ---- the clients ----

// One connection: whether it was resumed, and the ticket for the next time.
function shake(port, session) {
  return new Promise((done, fail) => {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost',
      rejectUnauthorized: false, session });
    let ticket = session, answered = false, resumed = false;
    socket.on('session', (next) => (ticket = next));
    socket.on('secureConnect', () => socket.write(UPGRADE));
    socket.once('data', () => { // the tickets have come before
      answered = true;
      resumed = socket.isSessionReused();
      setImmediate(() => socket.destroy()); // not in the middle of OpenSSL
    });
    socket.on('close', () => (answered
      ? done({ resumed, session: ticket })
      : fail(new Error('closed before it had an answer'))));
    socket.on('error', fail);
    socket.setTimeout(15000, () => socket.destroy());
  });
}

// All clients once; what came of it, and their tickets for the next time.
async function everybody(server, sessions) {
  const tickets = [];
  const before = cpuOf(server.pid);
  let at = 0, resumed = 0;
  const some = async () => {
    for (let i = at++; i < sessions.length; i = at++) {
      const one = await shake(server.port, sessions[i]);
      resumed += one.resumed;
      tickets[i] = one.session;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
  const cpu_us = (cpuOf(server.pid) - before) / sessions.length * 1e6;
  return { tickets, cpu_us, share: resumed / sessions.length };
}

async function measure(o) {
  const server = await startServer(o);
  const result = { clients: o.clients, workers: o.workers, key: o.key };
  let sessions = Array.from({ length: o.clients });
  for (const round of Object.keys(ROUNDS)) {
    if (round === 'reloaded') {
      process.kill(server.pid, 'SIGHUP');
      await sleep(1000);
    }
    const { tickets, cpu_us, share } = await everybody(server, sessions);
    result[round] = { cpu_us, share };
    sessions = tickets;
  }
  return result;
}

const o = options(process.argv.slice(2));
const result = await measure(o);
if (o.json) {
  console.log(JSON.stringify(result));
} else {
  console.log(`${o.clients} clients, ${o.workers} worker(s), ${o.key}; CPU of the server for each, the WebSocket handshake included`);
  for (const [round, words] of Object.entries(ROUNDS)) {
    const { cpu_us, share } = result[round];
    console.log(`  ${words.padEnd(26)}${cpu_us.toFixed(0).padStart(6)} us  ${(cpu_us / result.full.cpu_us).toFixed(2)} x`
      + `  ${(share * 100).toFixed(0)} % resumed`);
  }
}
process.exit(0);
