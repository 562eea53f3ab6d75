// SPDX-License-Identifier: MIT
// A server that is restarted while its clients are busy.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { open, reach } from './kit.js';
import { Server, token } from './server.js';

const SIZE = 40;

/** Asks again and again until `until()`; every answer is right or an error. */
async function talk(client, until, isTalking) {
  for (let n = 1; !until(); n++) {
    try {
      assert.equal(await client.request('test.echo', n), n);
      isTalking();
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      // Until its close event a socket that is closing leaves us `ready`, and
      // without a queue.
      await setTimeout(10);
      await reach(client, 'ready');
    }
  }
}

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(`everybody comes back from a ${signal} under load, and nothing hangs`,
    { timeout: 60_000 }, async (t) => {
      const server = await Server.start(t, { 'shutdown.drain_s': 0.5,
        'limits.messages_per_s': 0, 'limits.bytes_per_s': 0 });
      const clients = Array.from({ length: SIZE }, (_, i) =>
        open(t, server.url, { token: token(`user ${i}`), minDelay: 50 }));
      await Promise.all(clients.map((client) => client.connect()));

      let isOver = false;
      const talks = [];
      await Promise.all(clients.map((client) => new Promise((isTalking) => {
        talks.push(talk(client, () => isOver, isTalking));
      })));
      const lost = clients.map((client) =>
        reach(client, ({ state }) => state === 'waiting'));
      await server.stop(signal);
      await Promise.all(lost);
      await server.run();
      await Promise.all(clients.map((client) => reach(client, 'ready')));
      isOver = true;
      await Promise.all(talks);

      await Promise.all(clients.map(async (client, i) =>
        assert.equal(await client.request('test.echo', i), i)));
    });
}
