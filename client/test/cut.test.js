// SPDX-License-Identifier: MIT
// The real server behind a network that is cut.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { next, open, reach } from './kit.js';
import { Proxy } from './proxy.js';
import { Server, token } from './server.js';

/** A server, and clients of it that come through proxies of their own. */
async function network(t, options) {
  const server = await Server.start(t, options);
  return async (user, more) => {
    const proxy = await Proxy.start(t, server.port);
    const client = open(t, proxy.url,
      { token: token(user), minDelay: 20, maxDelay: 100, ...more });
    await client.connect();
    return [client, proxy, server];
  };
}

test('a blink of the network changes nothing', async (t) => {
  const visit = await network(t);
  const [alice, proxy] = await visit('alice');
  const [bob] = await visit('bob');
  await Promise.all([alice, bob].map((client) => client.join('r1')));
  const rooms = [];
  alice.on('@room', ({ state }) => rooms.push(state));
  alice.on('session_lost', () => assert.fail('it goes on'));
  const heard = [];
  alice.on('test.said', ({ text }) => heard.push(text));
  const { conn } = alice.getState();
  proxy.isOpen = false;
  proxy.cut();
  await reach(alice, 'waiting');
  for (let i = 0; i < 3; i++) {
    await bob.request('test.say', { room: 'r1', text: i });
  }
  const asked = alice.request('test.echo', 'sent while away');
  const resumed = next(alice, 'resumed');
  proxy.isOpen = true;
  await resumed;
  assert.equal(await asked, 'sent while away');
  assert.deepEqual(heard, [0, 1, 2]);
  assert.deepEqual(rooms, []);
  assert.equal(alice.getState().conn, conn);
});

test('an answer that was on its way arrives', async (t) => {
  const visit = await network(t);
  const [alice, proxy] = await visit('alice');
  const asked = alice.request('test.slow', 0.3);
  await alice.request('ping');
  proxy.cut('resetAndDestroy');
  assert.equal(await asked, 0.3);
});

test('a connection that is dead and does not say so', async (t) => {
  const visit = await network(t);
  const [alice, proxy] = await visit('alice');
  await alice.join('r1');
  proxy.stall();
  const asked = alice.request('test.say', { room: 'r1', text: 'x' });
  const said = next(alice, 'test.said');
  alice.reconnect();
  assert.equal(await asked, 1);
  await said;
});

test('who leaves for good is gone at once', async (t) => {
  const visit = await network(t);
  const [alice] = await visit('alice');
  const [bob] = await visit('bob');
  await Promise.all([alice, bob].map((client) => client.join('r1')));
  const left = next(alice, 'test.left');
  bob.close();
  assert.deepEqual(await left, { user: 'bob' });
});

test('a server that was killed does not know us, and says so', async (t) => {
  const visit = await network(t);
  const [alice, , server] = await visit('alice');
  await alice.join('r1');
  const lost = next(alice, 'session_lost');
  await server.stop('SIGKILL');
  await reach(alice, 'waiting');
  const asked = alice.request('test.echo', 1);
  await server.run();
  await lost;
  await assert.rejects(asked, { code: 'DISCONNECTED', sent: false });
  await alice.join('r1');
});

for (const workers of [1, 4]) {
  test(`whatever is cut when, all is said once (${workers} workers)`,
    async (t) => {
      const seed = Number(process.env.SEED) || Date.now() % 1e6;
      t.diagnostic(`SEED=${seed}`);
      let state = seed;
      const random = (n) =>
        (state = (state * 16807 + 11) % 2147483647) % n;
      const rounds = Number(process.env.ROUNDS) || 150;
      const visit = await network(t, { workers, 'limits.messages_per_s': 0,
        'limits.bytes_per_s': 0 });
      const users = [];
      for (const name of ['alice', 'bob']) {
        const [client, proxy] = await visit(name, { queue: 10000 });
        const user = { name, client, proxy, sent: 0, heard: {}, echoed: [] };
        client.on('session_lost', () => assert.fail(`${name} has lost it`));
        client.on('test.said', ({ from, text }) =>
          (user.heard[from] ||= []).push(text));
        await client.join('r1');
        users.push(user);
      }
      const acts = [
        ({ proxy }) => proxy.cut(),
        ({ proxy }) => proxy.cut('resetAndDestroy'),
        ({ proxy }) => proxy.stall(),
        ({ client }) => client.reconnect(),
      ];
      for (let i = 0; i < rounds; i++) {
        const user = users[random(users.length)];
        for (let n = random(6); n > 0; n--) {
          const text = user.sent++;
          if (random(2)) {
            user.client.send('test.say', { room: 'r1', text });
          } else {
            user.client.request('test.say', { room: 'r1', text },
              { timeout: 0 }).then(() => user.echoed.push(text));
          }
        }
        acts[random(acts.length)](user);
        if (random(3) === 0) user.client.reconnect();
        await new Promise((resolve) => setTimeout(resolve, random(40)));
      }
      for (const { client } of users) client.reconnect();
      for (const { client } of users) {
        await client.request('test.echo', 0, { timeout: 0 });
      }
      for (const { client } of users) await client.request('ping');
      const all = (n) => Array.from({ length: n }, (_, i) => i);
      for (const { heard } of users) {
        for (const { name, sent } of users) {
          assert.deepEqual(heard[name] || [], all(sent));
        }
      }
      for (const { echoed } of users) {
        assert.deepEqual(echoed, [...echoed].sort((a, b) => a - b));
      }
    });
}
