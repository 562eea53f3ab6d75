// SPDX-License-Identifier: MIT
// Five hundred clients lose their server at one moment, and come back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { next, open, reach } from './kit.js';
import { Server, token } from './server.js';

const SIZE = 500;
const MIN = 500; // ms, the default floor of a wait
const BUCKET = 250; // ms, of the histogram

function histogram(times) {
  const counts = [];
  for (const ms of times) {
    const bucket = Math.floor(ms / BUCKET);
    counts[bucket] = (counts[bucket] || 0) + 1;
  }
  return Array.from(counts, (count = 0, i) =>
    `${String(i * BUCKET).padStart(6)} ms ${String(count).padStart(4)} ${
      '#'.repeat(Math.ceil(count / 4))}`);
}

/**
 * Opens `SIZE` clients in one room; notes each wait they announce, counted from
 * before it was chosen, so that a busy machine can only make it longer.
 */
async function gather(t, server) {
  const herd = { waits: [], lostAt: 0 };
  herd.clients = Array.from({ length: SIZE }, (_, i) =>
    open(t, server.url, { token: token(`user ${i}`) }));
  for (const client of herd.clients) {
    let since = 0;
    client.onStateChange(({ state, nextAttemptAt }) => {
      if (state === 'waiting') {
        herd.waits.push(nextAttemptAt - Math.max(since, herd.lostAt));
      }
      since = Date.now();
    });
    client.connect();
  }
  await Promise.all(herd.clients.map((client) => client.join('r1')));
  return herd;
}

test('a herd comes back spread out, complete, and into its room',
  async (t) => {
    const server = await Server.start(t);
    const herd = await gather(t, server);
    const { clients, waits } = herd;

    const lost = clients.map((client) => reach(client, 'waiting'));
    herd.lostAt = Date.now();
    await server.stop('SIGKILL');
    await Promise.all(lost);
    const start = Date.now();
    await server.run();
    const back = await Promise.all(clients.map(async (client) => {
      await reach(client, 'ready');
      return Date.now() - start;
    }));

    await Promise.all(clients.map((client) => client.join('r1')));
    const heard = clients.map((client) => next(client, 'test.said'));
    assert.equal(await clients[0].request('test.say',
      { room: 'r1', text: 'all here' }), SIZE);
    await Promise.all(heard);

    for (const line of histogram(back)) t.diagnostic(line);
    t.diagnostic(`${waits.length} waits for ${SIZE} clients`);
    assert.ok(waits.every((ms) => ms >= MIN), 'nobody waited too little');
    const most = Math.max(...histogram(waits)
      .map((line) => Number(line.split('ms')[1].trim().split(' ')[0])));
    assert.ok(most < SIZE * 0.75, `${most} at about the same time`);
  });
