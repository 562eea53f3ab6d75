#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// What a message to one user costs the server, by the way on which it is sent:
//
//   bench/api/main.mjs [--seconds=N] [--warmup=N] [--rounds=N] [LOAD…]
//
//   ws-1, ws-16          a client's WebSocket; so many clients, each with one
//                        message in flight
//   api-1, api-16        POST /api/v1/send of a backend; so many connections
//                        that stay, each with one request in flight
//   batch                POST /api/v1/batch, 100 messages in each
//   socketio-1, -16      POST to a careful Node server in front of socket.io
//
// Closed loop: the next message is sent when the one before has arrived, and
// over HTTP when it has been answered, too. Servers are on CPU 0, this program
// on CPU 1. The figure is CPU time of the server for each message that arrived;
// every load is measured in each round, beside the others, and the medians are
// printed with their ratios.
import { openClient, openPoster } from './wire.mjs';
import { Server } from './servers.mjs';
import { setTimeout as sleep } from 'node:timers/promises';

const RECEIVERS = 100;
const LINES = 100; // of a batch
const payload = 'x'.repeat(100);
const all = ['ws-1', 'api-1', 'socketio-1', 'ws-16', 'api-16', 'socketio-16', 'batch'];

const words = process.argv.slice(2);
const option = (name, otherwise) =>
  Number(words.find((word) => word.startsWith(`--${name}=`))?.split('=')[1] ?? otherwise);
const seconds = option('seconds', 2), rounds = option('rounds', 3);
const warmup = option('warmup', 2); // V8 compiles meanwhile
const asked = words.filter((word) => !word.startsWith('--'));
const loads = asked.length > 0 ? asked : all;

const call = (to) => JSON.stringify({ user: to,
  message: { type: 'bench.user', data: { from: 'bench', data: payload } } });

// Who gets the next message: everybody in turn. One that has one under way is
// passed by, so that an arrival says which message it was.
class Crowd {
  constructor() {
    this.waiting = new Map();
    this.next = 0;
    this.arrived = 0;
  }

  take(then) {
    let user;
    do {
      user = `user-${this.next++ % RECEIVERS}`;
    } while (this.waiting.has(user));
    this.waiting.set(user, then);
    return user;
  }

  arrive(user) {
    const then = this.waiting.get(user);
    this.arrived++;
    this.waiting.delete(user);
    then?.();
  }
}

async function openReceivers(server, crowd) {
  const clients = [];
  const arrive = (user) => crowd.arrive(user);
  for (let i = 0; i < RECEIVERS; i++)
    clients.push(await server.ready(() => openClient(server, `user-${i}`, arrive)));
  return clients;
}

async function startSockets(server, crowd, count) {
  for (let i = 0; i < count; i++) {
    const client = await openClient(server, `sender-${i}`, () => {});
    const go = () => client.send(crowd.take(go), payload);
    go();
  }
}

async function startPosters(server, crowd, count) {
  const path = server.dialect === 'socketio' ? '/send' : '/api/v1/send';
  for (let i = 0; i < count; i++) {
    const poster = await openPoster(server, path);
    const go = () => {
      let left = 2;
      const half = () => --left === 0 && go();
      poster.post(call(crowd.take(half)), half);
    };
    go();
  }
}

async function startBatches(server, crowd) {
  const poster = await openPoster(server, '/api/v1/batch');
  const go = () => {
    let left = LINES + 1;
    const part = () => --left === 0 && go();
    let body = '';
    for (let i = 0; i < LINES; i++) body += `${call(crowd.take(part))}\n`;
    poster.post(body, part);
  };
  go();
}

async function measure(load) {
  const [kind, count] = load.split('-');
  const server = await Server.start(kind === 'socketio' ? 'socketio' : 'perigee');
  const crowd = new Crowd();
  await openReceivers(server, crowd);
  if (kind === 'ws') await startSockets(server, crowd, Number(count));
  else if (kind === 'batch') await startBatches(server, crowd);
  else await startPosters(server, crowd, Number(count));
  await sleep(warmup * 1000);
  const cpu = server.cpu(), arrived = crowd.arrived, began = performance.now();
  await sleep(seconds * 1000);
  const count_ = crowd.arrived - arrived;
  const result = { us: (server.cpu() - cpu) / 1000 / count_,
    rate: count_ / (performance.now() - began) * 1000 };
  server.stop();
  if (count_ === 0) throw new Error(`${load}: nothing arrived`);
  return result;
}

const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];

const results = {};
for (let round = 0; round < rounds; round++)
  for (const load of loads)
    (results[load] ??= []).push(await measure(load));

const us = {};
for (const load of loads) {
  us[load] = median(results[load].map((result) => result.us));
  const rate = median(results[load].map((result) => result.rate));
  console.log(`${load.padEnd(12)} ${us[load].toFixed(2).padStart(8)} us CPU a message`
    + `  ${Math.round(rate).toString().padStart(7)}/s`);
}
for (const [a, b] of [['api-1', 'ws-1'], ['api-16', 'ws-16'], ['batch', 'ws-1'],
  ['batch', 'ws-16'], ['api-1', 'socketio-1'], ['api-16', 'socketio-16']])
  if (us[a] && us[b]) console.log(`${a} / ${b}: ${(us[a] / us[b]).toFixed(2)}`);
process.exit(0);
