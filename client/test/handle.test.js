// SPDX-License-Identifier: MIT
// One room by its handle: its messages, its history, who is there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { next, pair } from './kit.js';

test('a handle hears its own room only', async (t) => {
  const { fake, client } = await pair(t);
  await client.connect();
  const room = client.room('a b');
  const heard = [];
  const off = room.on('news', (data, { room: name }) => heard.push(data, name));
  room.once('news', () => heard.push('once'));
  const never = () => assert.fail('taken off');
  room.on('news', never);
  room.off('news', never);
  const push = async (name) => {
    const came = next(client, 'news');
    fake.conn.tell({ type: 'news', room: name, data: name });
    await came;
  };
  await push('b');
  await push('a b');
  await push('a b');
  off();
  await push('a b');
  assert.deepEqual(heard, ['a b', 'a b', 'once', 'a b', 'a b']);
});

test('a handle joins, asks, leaves, and says how it stands', async (t) => {
  const { fake, client } = await pair(t, { manners: {
    history: (conn, { id, data }) => conn.send('reply',
      { epoch: 'x', messages: [], more: false, data }, id) } });
  await client.connect();
  const room = client.room('r1');
  const states = [];
  room.on('@room', ({ state }) => states.push(state));
  assert.equal(room.state, 'left');
  assert.deepEqual(await room.join({ as: 'me' }), { room: 'r1', as: 'me' });
  assert.deepEqual([room.name, room.state, room.data.as], ['r1', 'joined', 'me']);
  const { data } = await room.history({ before: 42, limit: 5 });
  assert.deepEqual(data, { room: 'r1', before: 42, limit: 5 });
  await room.leave();
  assert.deepEqual(states, ['joining', 'joined', 'left']);
  assert.equal(fake.conn.heard('leave').length, 1);
});

const alice = { user: 'alice', devices: 1, since: 5 };
const bob = { user: 'bob', devices: 2, since: 6, info: { away: true } };

/** A room in which the server says that `presence` is there. */
async function roomWith(t, presence, more) {
  const made = await pair(t, { manners: {
    join: (conn, { id }) => conn.send('reply', { presence, more }, id) } });
  await made.client.connect();
  const room = made.client.room('r1');
  const changes = [];
  room.on('presence', (change) => changes.push(change));
  await room.join();
  const tell = async (data) => {
    made.fake.conn.tell({ type: 'presence', room: 'r1', data });
    await made.client.request('sync');
  };
  return { ...made, room, changes, tell };
}

test('presence is a snapshot, and a new one with each change', async (t) => {
  const { room, changes, tell } = await roomWith(t, [alice]);
  const first = room.presence;
  assert.deepEqual(first, [alice]);
  assert.ok(Object.isFrozen(first) && Object.isFrozen(first[0]));
  assert.equal(room.presence, first);
  assert.deepEqual(changes.splice(0),
    [{ joined: [alice], left: [], changed: [], count: 1 }]);

  await tell({ joined: [bob] });
  assert.deepEqual(first, [alice]);
  assert.deepEqual(room.presence, [alice, bob]);
  await tell({ changed: [{ user: 'alice', devices: 2 }], left: ['bob'] });
  assert.deepEqual(room.presence, [{ ...alice, devices: 2 }]);
  assert.deepEqual(changes, [
    { joined: [bob], left: [], changed: [], count: 2 },
    { joined: [], left: ['bob'], changed: [{ ...alice, devices: 2 }], count: 1 },
  ]);
});

test('after a lost connection only what has changed is told', async (t) => {
  const presence = [alice];
  const { client, fake, room, changes } = await roomWith(t, presence);
  changes.length = 0;
  presence.push(bob);
  await client.reconnect();
  await client.request('sync');
  assert.deepEqual(changes.splice(0),
    [{ joined: [bob], left: [], changed: [], count: 2 }]);
  await client.reconnect();
  await client.request('sync');
  assert.deepEqual(changes, [], 'nothing has');
  fake.conn.tell({ type: 'left', room: 'r1' });
  await next(client, 'left');
  assert.deepEqual(room.presence, []);
});

test('of a large room the number is known', async (t) => {
  const { room, tell } = await roomWith(t, [alice], 300);
  assert.deepEqual([room.presence.length, room.count], [1, 301]);
  await tell({ joined: [bob] });
  assert.deepEqual([room.presence.length, room.count], [2, 302]);
  await tell({ changed: [{ user: 'carol' }], left: ['dave', 'bob'] });
  assert.deepEqual([room.presence.length, room.count], [2, 300]);
});

test('or nothing else', async (t) => {
  const { room, changes, tell } = await roomWith(t, { count: 5000 });
  assert.equal(room.count, 5000);
  await tell({ count: 5001 });
  assert.equal(room.count, 5001);
  assert.deepEqual(room.presence, []);
  assert.equal(changes.at(-1).count, 5001);
});
