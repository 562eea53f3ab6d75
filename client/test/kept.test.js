// SPDX-License-Identifier: MIT
// Rooms with a history on the real server, behind a network that is cut.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { next, open, reach } from './kit.js';
import { Proxy } from './proxy.js';
import { Server, token } from './server.js';

const room = 'kept:1';

/** Bob, who stays, and alice, whose network may be cut; both in the room. */
async function pairOf(t, { server: options, ...more } = {}) {
  const server = await Server.start(t, options);
  const proxy = await Proxy.start(t, server.port);
  const bob = open(t, server.url, { token: token('bob') });
  const alice = open(t, proxy.url,
    { token: token('alice'), minDelay: 20, maxDelay: 100, ...more });
  const heard = [];
  const gaps = [];
  alice.on('test.said', ({ text }) => heard.push(text));
  alice.on('gap', (gap, { room: where }) => gaps.push(where));
  await Promise.all([alice, bob].map(async (client) => {
    await client.connect();
    await client.join(room);
  }));
  let said = 0;
  const say = () => bob.request('test.say', { room, text: said++ });
  return { server, proxy, alice, bob, heard, gaps, say,
    all: () => [...Array(said).keys()] };
}

for (const [what, options] of Object.entries({
  'without sessions': { session: false },
  'whose session is over': { server: { 'session.keep_s': 0.05 } },
})) {
  test(`a client ${what} hears what it missed`, async (t) => {
    const made = await pairOf(t, options);
    const { proxy, alice, bob, heard, gaps, say, all } = made;
    await say();
    proxy.isOpen = false;
    proxy.cut();
    await reach(alice, 'waiting');
    for (let i = 0; i < 5; i++) await say();
    await bob.request('test.slow', 0.2);
    proxy.isOpen = true;
    await reach(alice, 'ready');
    await alice.join(room);
    await say();
    await alice.request('ping');
    assert.deepEqual(heard, all());
    assert.deepEqual(gaps, []);
  });
}

test('a server that was restarted has forgotten, and says so', async (t) => {
  const { server, alice, gaps, say } = await pairOf(t);
  await say();
  const gap = next(alice, 'gap');
  await server.stop('SIGKILL');
  await server.run(); // on the port that it had, behind the proxy
  await gap;
  assert.deepEqual(gaps, [room]);
});

test('who comes later reads what was said', async (t) => {
  const { server, say } = await pairOf(t);
  for (let i = 0; i < 10; i++) await say();
  const carol = open(t, server.url, { token: token('carol') });
  const heard = [];
  const kept = carol.room(room);
  kept.on('test.said', ({ text }, { seq }) => heard.push([seq, text]));
  await carol.connect();
  await kept.join({ since: { last: 2 } });
  assert.deepEqual(heard, [[9, 8], [10, 9]]);
  const { messages, more } = await kept.history({ before: 9, limit: 3 });
  assert.deepEqual(messages.map(({ seq, data }) => [seq, data.text]),
    [[6, 5], [7, 6], [8, 7]]);
  assert.equal(more, true);
});

test('everybody sees who is there', async (t) => {
  const { server, alice, bob } = await pairOf(t);
  const names = () =>
    alice.room(room).presence.map(({ user, devices }) => `${user} ${devices}`);
  const until = async (...wanted) => {
    while (names().sort().join() !== wanted.join()) await next(alice, 'presence');
  };
  await until('alice 1', 'bob 1');
  const tablet = open(t, server.url, { token: token('bob') });
  tablet.connect();
  await tablet.join(room);
  await until('alice 1', 'bob 2');
  bob.close();
  await until('alice 1', 'bob 1');
  tablet.close();
  await until('alice 1');
});

for (const workers of [1]) {
  test(`whatever is cut when, the room is heard whole (${workers} workers)`,
    async (t) => {
      const seed = Number(process.env.SEED) || Date.now() % 1e6;
      t.diagnostic(`SEED=${seed}`);
      let state = seed;
      const random = (n) =>
        (state = (state * 16807 + 11) % 2147483647) % n;
      const rounds = Number(process.env.ROUNDS) || 40;
      const { proxy, alice, heard, gaps, say, all } = await pairOf(t, {
        server: { workers, 'session.keep_s': 0.03,
          'limits.messages_per_s': 0, 'limits.bytes_per_s': 0 } });
      let losses = 0;
      alice.on('session_lost', () => losses++);
      const acts = [() => proxy.cut(), () => proxy.cut('resetAndDestroy'),
        () => proxy.stall(), () => alice.reconnect()];
      for (let i = 0; i < rounds; i++) {
        await Promise.all(Array.from({ length: random(5) }, say));
        acts[random(acts.length)]();
        if (random(3) === 0) alice.reconnect();
        await new Promise((resolve) => setTimeout(resolve, random(60)));
      }
      await alice.reconnect();
      await alice.join(room);
      await alice.request('ping');
      t.diagnostic(`${losses} sessions lost`);
      assert.deepEqual(heard, all());
      assert.deepEqual(gaps, []);
    });
}
