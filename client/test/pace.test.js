// SPDX-License-Identifier: MIT
// As fast as the server lets us, and nothing is lost for being too early.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pacer } from '../src/pacer.js';
import { FakeClock } from './clock.js';
import { next, pair, reach, settle } from './kit.js';

const slow = { messages_per_s: 10, burst: 20, bytes_per_s: 1000,
  bytes_burst: 2000 };
const welcome = (limits) => ({ auth: (conn) => conn.welcome({ limits }) });

/** A server's bucket, as in src/hub/bucket.c; true if the message may pass. */
function bucket(rate, burst) {
  let [spent, at] = [0, 0];
  return (cost, now) => {
    if (!rate) return true;
    spent = Math.max(0, spent - (now - at) * rate / 1000);
    at = now;
    if (spent > 0 && spent + cost > burst) return false;
    spent += cost;
    return true;
  };
}

for (const [length, limits] of [[10, slow], [300, slow], [5000, slow],
  [10, { ...slow, burst: 1 }], [10, { ...slow, messages_per_s: 0 }],
  [300, { messages_per_s: 50, burst: 9, bytes_per_s: 500 }],
  [700, undefined]]) {
  test(`the server's buckets never refuse ${length} bytes under ${
    JSON.stringify(limits)}`, () => {
    const clock = new FakeClock();
    const pacer = new Pacer(clock);
    const { messages_per_s, burst, bytes_per_s, bytes_burst = bytes_per_s } =
      limits || { messages_per_s: 50, burst: 100, bytes_per_s: 262144 };
    const [messages, bytes] = [bucket(messages_per_s, burst),
      bucket(bytes_per_s, bytes_burst)];
    messages(1, clock.now());
    pacer.adopt(limits);
    const start = clock.now();
    for (let sent = 0; sent < 200; sent++) {
      for (let ms; (ms = pacer.wait(length)); ) clock.advance(ms);
      const now = clock.now();
      assert.ok(messages(1, now) && bytes(length, now));
      pacer.spend(length);
    }
    const least = 1000 * Math.max((200 - burst) / (messages_per_s || Infinity),
      (200 * length - bytes_burst) / bytes_per_s);
    assert.ok(clock.now() - start < Math.max(least, 0) * 1.25 + 1000,
      'and it is not slower than need be');
  });
}

test('a queue leaves at the pace that the server names', async (t) => {
  const { fake, clock, client } = await pair(t,
    { queue: true, manners: welcome(slow) });
  for (let i = 0; i < 60; i++) assert.ok(client.send('note', i));
  await client.connect();
  await fake.until(() => fake.conn.heard('note').length === 17);
  assert.equal(client.queued.length, 43);
  assert.ok(client.send('note', 60), 'behind the others');
  for (let i = 0; client.queued.length; i++) {
    assert.ok(i < 100);
    clock.advance(1000);
  }
  await fake.until(() => fake.conn.heard('note').length === 61);
  assert.deepEqual(fake.conn.heard('note').map(({ data }) => data),
    Array.from({ length: 61 }, (_, i) => i));
});

test('rooms come first, at that pace, too', async (t) => {
  const { fake, clock, client } = await pair(t,
    { queue: true, manners: welcome(slow) });
  for (let i = 0; i < 40; i++) client.join(`r${i}`);
  client.send('note');
  await client.connect();
  await fake.until(() => fake.conn.heard('join').length === 17);
  assert.equal(fake.conn.heard('note').length, 0);
  while (client.queued.length) clock.advance(1000);
  await fake.until(() => fake.conn.heard('note').length === 1);
  assert.equal(fake.conn.received.at(-1).type, 'note');
  assert.equal(fake.conn.heard('join').length, 40);
});

test('what waits when the connection breaks, waits on', async (t) => {
  const { fake, clock, client } = await pair(t,
    { queue: true, manners: welcome(slow) });
  for (let i = 0; i < 30; i++) client.send('note', i);
  await client.connect();
  await fake.until(() => fake.conn.heard('note').length === 17);
  fake.cut();
  await reach(client, 'waiting');
  assert.equal(client.queued.length, 13);
  clock.advance(1000);
  await reach(client, 'ready');
  await fake.until(() => fake.conn.heard('note').length === 13);
  assert.deepEqual(fake.conn.heard('note').map(({ data }) => data),
    Array.from({ length: 13 }, (_, i) => i + 17));
});

/** Refuses the first message of each type `note`; takes them from then on. */
const early = (more) => {
  let refused = 0;
  return { note: (conn, { id, data }) => (refused++ === 0
    ? conn.error(id, 'RATE_LIMITED', { retry: true, ...more })
    : id && conn.send('reply', data, id)) };
};

test('a request that was too early is made again', async (t) => {
  const { fake, clock, client } = await pair(t,
    { manners: early({ retry_after_ms: 300 }) });
  await client.connect();
  const asked = client.request('note', 7);
  await client.request('sync');
  clock.advance(299);
  await client.request('sync');
  assert.equal(fake.conn.heard('note').length, 1);
  clock.advance(1);
  assert.equal(await asked, 7);
});

for (const [why, options, more] of [
  ['would be too late', { timeout: 300 }, { retry_after_ms: 300 }],
  ['is of no use', {}, { retry: false, retry_after_ms: 300 }],
]) {
  test(`it is not if that ${why}`, async (t) => {
    const { client } = await pair(t, { manners: early(more) });
    await client.connect();
    await assert.rejects(client.request('note', 7, options),
      { code: 'RATE_LIMITED' });
  });
}

test('nor is it at once, if the server does not say when', async (t) => {
  const { fake, clock, client } = await pair(t, { manners: early({}) });
  await client.connect();
  const asked = client.request('note', 7);
  await client.request('sync');
  clock.advance(999);
  await client.request('sync');
  assert.equal(fake.conn.heard('note').length, 1);
  clock.advance(1);
  assert.equal(await asked, 7);
});

test('one that was refused when the connection broke was not sent',
  async (t) => {
    const { fake, client } = await pair(t,
      { manners: early({ retry_after_ms: 300 }) });
    await client.connect();
    const asked = client.request('note', 7);
    await client.request('sync');
    fake.cut();
    await assert.rejects(asked, { code: 'DISCONNECTED', sent: false });
  });

test('a queued message that was too early is sent again', async (t) => {
  const { fake, clock, client } = await pair(t,
    { queue: true, manners: early({ retry_after_ms: 300 }) });
  client.send('note', 1);
  await client.connect();
  while ((fake.conn?.heard('note').length ?? 0) < 2) {
    clock.advance(100);
    await settle();
  }
  assert.deepEqual(fake.conn.heard('note').map(({ data }) => data), [1, 1]);
});

test('a queued message that is refused for good is told', async (t) => {
  const { client } = await pair(t, { queue: true, manners: {
    note: (conn, { id }) => conn.error(id, 'chat.muted') } });
  client.send('note', 1);
  const told = next(client, 'error');
  await client.connect();
  assert.deepEqual(await told,
    { code: 'chat.muted', message: 'chat.muted', retry: false });
});

test('one type that comes too often does not hold the others', async (t) => {
  const { fake, client } = await pair(t, { queue: true });
  await client.connect();
  fake.conn.error(undefined, 'RATE_LIMITED',
    { retry: true, retry_after_ms: 60000, type: 'chat.typing' });
  await next(client, 'error');
  client.send('note', 1);
  assert.deepEqual(client.queued, []);
});

test('after a refusal the queue is slower', async (t) => {
  const { fake, clock, client } = await pair(t, { queue: true });
  await client.connect();
  fake.conn.error(undefined, 'RATE_LIMITED',
    { retry: true, retry_after_ms: 60000 });
  await next(client, 'error');
  client.send('note', 1);
  assert.equal(client.queued.length, 1);
  clock.advance(999);
  assert.equal(client.queued.length, 1);
  clock.advance(1);
  await fake.until(() => fake.conn.heard('note').length === 1);
});
