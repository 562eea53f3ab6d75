// SPDX-License-Identifier: MIT
// Sending, asking, rooms: what leaves, what is answered, what is lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { next, pair, reach, settle } from './kit.js';

const hold = { slow() {} }; // a type that is never answered

test('send hands over a message and says whether it could', async (t) => {
  const { fake, client } = await pair(t);
  assert.equal(client.send('note', 1), false);
  await client.connect();
  assert.equal(client.send('note', { text: 'ä' }), true);
  await fake.until(() => fake.conn.heard('note').length);
  assert.deepEqual(fake.conn.heard('note'),
    [{ type: 'note', data: { text: 'ä' } }]);
});

test('a push reaches its listeners with its data and envelope', async (t) => {
  const { fake, client } = await pair(t);
  await client.connect();
  const heard = [];
  const off = client.on('news', (data, { room }) => heard.push([data, room]));
  const push = () => fake.conn.socket.send(
    '{"type":"news","data":5,"room":"r1"}');
  push();
  await next(client, 'news');
  off();
  push();
  await next(client, 'news');
  assert.deepEqual(heard, [[5, 'r1']]);
});

test('a request is answered by its id, in any order', async (t) => {
  const held = [];
  const { fake, client } = await pair(t, {
    manners: { ask: (conn, message) => held.push(message) },
  });
  await client.connect();
  const answers = Promise.all([client.request('ask'), client.request('ask')]);
  await fake.until(() => held.length === 2);
  fake.conn.send('reply', 'second', held[1].id);
  fake.conn.send('reply', 'first', held[0].id);
  assert.deepEqual(await answers, ['first', 'second']);
});

test('an error is a rejection with all the server said', async (t) => {
  const { client } = await pair(t, { manners: { ask: (conn, { id }) =>
    conn.error(id, 'OVERLOADED',
      { retry: true, retry_after_ms: 40, ref: 'x1' }) } });
  await client.connect();
  await assert.rejects(client.request('ask'), { name: 'PerigeeError',
    code: 'OVERLOADED', retry: true, retryAfterMs: 40, ref: 'x1',
    sent: true });
});

test('a request that is not answered times out', async (t) => {
  const { fake, clock, client } = await pair(t, { manners: hold });
  await client.connect();
  const asked = client.request('slow', null, { timeout: 300 });
  clock.advance(300);
  await assert.rejects(asked, { code: 'TIMEOUT', sent: true });
  const { id } = await fake.until(() => fake.conn.heard('slow')[0])
    .then(() => fake.conn.heard('slow')[0]);
  fake.conn.send('reply', 'too late', id);
  assert.equal(await client.request('fine', 1), 1);
});

test('a request can be aborted', async (t) => {
  const { client } = await pair(t, { manners: hold });
  await client.connect();
  const control = new AbortController();
  const asked = client.request('slow', null, { signal: control.signal });
  control.abort('enough');
  await assert.rejects(asked, { code: 'ABORTED', sent: true, cause: 'enough' });
  await assert.rejects(client.request('slow', 1, { signal: control.signal }),
    { code: 'ABORTED', sent: false });
});

test('a lost connection fails what was sent, and says it was', async (t) => {
  const { fake, clock, client } = await pair(t, { manners: hold });
  await client.connect();
  const asked = client.request('slow');
  await fake.until(() => fake.conn.heard('slow').length);
  fake.cut();
  await assert.rejects(asked, { code: 'DISCONNECTED', sent: true, retry: true });
  await assert.rejects(client.request('slow'),
    { code: 'NOT_READY', sent: false });
  clock.advance(1000);
  await reach(client, 'ready');
  assert.equal(fake.conn.heard('slow').length, 0);
});

test('a message above the limit is refused here, not by the server',
  async (t) => {
    const { client } = await pair(t, { manners: {
      auth: (conn) => conn.welcome({ max_message: 100 }) } });
    await client.connect();
    assert.equal(client.send('note', 'x'.repeat(100)), false);
    await assert.rejects(client.request('note', 'ä'.repeat(50)),
      { code: 'TOO_LARGE', sent: false });
    assert.equal(client.send('note', 'x'.repeat(60)), true);
  });

test('a network that is behind is not given more', async (t) => {
  const { client } = await pair(t, { maxBuffered: -1 });
  await client.connect();
  assert.equal(client.send('note'), false);
  await assert.rejects(client.request('note'), { code: 'BUSY', sent: false });
});

test('a queued message that turns out too long is handed back', async (t) => {
  const { fake, client } = await pair(t, { queue: true, manners: {
    auth: (conn) => conn.welcome({ max_message: 100 }) } });
  const dropped = next(client, '@dropped');
  client.send('long', 'x'.repeat(100));
  const asked = client.request('long', 'x'.repeat(100));
  client.send('short');
  await client.connect();
  assert.equal((await dropped)[0].type, 'long');
  await assert.rejects(asked, { code: 'TOO_LARGE', sent: false });
  await fake.until(() => fake.conn.heard('short').length);
  assert.equal(fake.conn.heard('long').length, 0);
});

test('listeners go one by one or all together', async (t) => {
  const { fake, client } = await pair(t);
  await client.connect();
  const heard = [];
  const first = () => heard.push('first');
  client.on('news', first);
  client.on('news', () => heard.push('second'));
  client.once('news', () => heard.push('once'));
  const push = async (type) => {
    const came = next(client, type);
    fake.conn.send(type);
    await came;
  };
  await push('news');
  client.off('news', first);
  await push('news');
  client.off('news');
  fake.conn.send('news');
  await push('end');
  assert.deepEqual(heard, ['first', 'second', 'once', 'second']);
});

test('a queue keeps order, has a limit, can be seen and cleared', async (t) => {
  const { fake, client } = await pair(t, { queue: 3 });
  assert.equal(client.send('a', 1), true);
  const asked = client.request('b', 2);
  assert.equal(client.send('c', 3), true);
  assert.equal(client.send('d', 4), false);
  await assert.rejects(client.request('d', 4), { code: 'QUEUE_FULL' });
  assert.deepEqual(client.queued.map(({ type }) => type), ['a', 'b', 'c']);
  assert.deepEqual(client.clearQueue().map(({ data }) => data), [1, 2, 3]);
  await assert.rejects(asked, { code: 'ABORTED', sent: false });
  client.send('e');
  const answer = client.request('f', 6);
  await client.connect();
  assert.equal(await answer, 6);
  assert.deepEqual(fake.conn.received.map(({ type }) => type),
    ['auth', 'e', 'f']);
  assert.deepEqual(client.queued, []);
});

test('a queued request that times out is not sent', async (t) => {
  const { fake, clock, client } = await pair(t, { queue: true });
  const asked = client.request('late', 1, { timeout: 100 });
  clock.advance(100);
  await assert.rejects(asked, { code: 'TIMEOUT', sent: false });
  await client.connect();
  await client.request('after');
  assert.equal(fake.conn.heard('late').length, 0);
});

test('nothing that was sent is sent again', async (t) => {
  const { fake, clock, client } = await pair(t, { queue: true });
  await client.connect();
  client.send('note', 1);
  await fake.until(() => fake.conn.heard('note').length);
  fake.cut();
  await reach(client, 'waiting');
  client.send('note', 2);
  clock.advance(1000);
  await reach(client, 'ready');
  await client.request('sync');
  assert.deepEqual(fake.conns.map((conn) =>
    conn.heard('note').map(({ data }) => data)), [[1], [2]]);
});

test('closing hands back what was queued', async (t) => {
  const { client } = await pair(t, { queue: true });
  const dropped = [];
  client.on('@dropped', (messages) => dropped.push(...messages));
  client.send('a', 1);
  const asked = client.request('b', 2);
  client.close();
  await assert.rejects(asked, { code: 'CLOSED', sent: false });
  assert.deepEqual(dropped,
    [{ type: 'a', data: 1 }, { type: 'b', data: 2 }]);
  assert.equal(client.send('c'), false);
});

test('join answers with what the server said', async (t) => {
  const { client } = await pair(t, { manners: { join: (conn, { id, data }) =>
    conn.send('reply', { members: [data.as] }, id) } });
  await client.connect();
  assert.deepEqual(await client.join('r1', { as: 'alice' }),
    { members: ['alice'] });
  assert.deepEqual(client.rooms, [{ room: 'r1', state: 'joined',
    data: { members: ['alice'] }, error: undefined }]);
});

test('a join before the connection is made with it', async (t) => {
  const { fake, client } = await pair(t);
  const joined = client.join('r1');
  await client.connect();
  assert.deepEqual(await joined, { room: 'r1' });
  assert.equal(fake.conn.heard('join').length, 1);
});

test('rooms are joined again in one burst, before anything else',
  async (t) => {
    const { fake, clock, client } = await pair(t, { queue: true });
    await client.connect();
    await Promise.all(['r1', 'r2', 'r3'].map((room) => client.join(room)));
    await client.leave('r2');
    fake.cut();
    await reach(client, 'waiting');
    assert.deepEqual(client.rooms.map(({ state }) => state),
      ['joining', 'joining']);
    client.send('note');
    const again = client.join('r1');
    clock.advance(1000);
    await reach(client, 'ready');
    await again;
    await client.request('sync');
    assert.deepEqual(fake.conn.received.map(({ type, data }) =>
      data?.room || type), ['auth', 'r1', 'r3', 'note', 'sync']);
    assert.ok(client.rooms.every(({ state }) => state === 'joined'));
  });

test('a refused join is seen, and not tried again by itself', async (t) => {
  const { fake, clock, client } = await pair(t, { manners: {
    join: (conn, { id }) => conn.error(id, 'chat.members_only') } });
  const seen = [];
  client.on('@room', ({ state, error }) => seen.push([state, error?.code]));
  await client.connect();
  await assert.rejects(client.join('vip'), { code: 'chat.members_only' });
  assert.deepEqual(seen,
    [['joining', undefined], ['refused', 'chat.members_only']]);
  fake.cut();
  await reach(client, 'waiting');
  clock.advance(1000);
  await reach(client, 'ready');
  assert.equal(fake.conn.heard('join').length, 0);
  assert.equal(client.rooms[0].state, 'refused');
});

test('a join that was only too early is made later', async (t) => {
  let joins = 0;
  const { fake, clock, client } = await pair(t, { manners: {
    join: (conn, { id }) => (++joins === 1
      ? conn.error(id, 'RATE_LIMITED', { retry: true, retry_after_ms: 200 })
      : conn.send('reply', 'in', id)) } });
  await client.connect();
  const refused = next(client, '@room');
  const joined = client.join('r1');
  await refused;
  await fake.until(() => joins === 1);
  await client.request('sync');
  await settle();
  assert.equal(client.rooms[0].error.code, 'RATE_LIMITED');
  clock.advance(200);
  assert.equal(await joined, 'in');
});

test('a join put off is not made twice after a reconnect', async (t) => {
  const { fake, clock, client } = await pair(t, { manners: {
    join: (conn, { id }) => (conn.fake.conns.length === 1
      ? conn.error(id, 'OVERLOADED', { retry: true, retry_after_ms: 9000 })
      : conn.send('reply', 'in', id)) } });
  await client.connect();
  const joined = client.join('r1');
  await client.request('sync');
  await client.reconnect();
  assert.equal(await joined, 'in');
  clock.advance(9000);
  await client.request('sync');
  assert.equal(fake.conn.heard('join').length, 1);
});

test('leaving a room ends its join', async (t) => {
  const { client } = await pair(t);
  const joined = client.join('r1');
  await client.leave('r1');
  await assert.rejects(joined, { code: 'LEFT' });
  assert.deepEqual(client.rooms, []);
});

test('rooms outlive a close', async (t) => {
  const { fake, client } = await pair(t);
  await client.connect();
  await client.join('r1');
  client.close();
  assert.equal(client.rooms[0].state, 'joining');
  const joined = client.join('r1');
  client.connect();
  client.close();
  await assert.rejects(joined, { code: 'CLOSED' });
  await client.connect();
  await fake.until(() => fake.conn.heard('join').length === 1);
});

test('once can be taken off by the function it was given', async (t) => {
  const { fake, client } = await pair(t);
  await client.connect();
  const never = () => assert.fail('taken off');
  client.once('news', never);
  client.off('news', never);
  fake.conn.send('news');
  await next(client, 'news');
});

test('a ping that asks is answered by its pong', async (t) => {
  const { client } = await pair(t, { manners: {
    ping: (conn, { id }) => conn.send('pong', undefined, id) } });
  await client.connect();
  assert.equal(await client.request('ping'), undefined);
});

test('nothing is left running after close', async (t) => {
  const timers = new Set();
  const { client } = await pair(t, { clock: {
    now: () => 0,
    setTimeout: (fn) => (timers.add(fn), fn),
    clearTimeout: (fn) => timers.delete(fn),
  }, manners: { join: (conn, { id }) =>
    conn.error(id, 'OVERLOADED', { retry: true, retry_after_ms: 9000 }) } });
  await client.connect();
  client.join('r1').catch(() => {});
  client.request('slow', 1).catch(() => {});
  await new Promise((resolve) => {
    client.on('@room', ({ error }) => error && resolve());
  });
  assert.ok(timers.size > 0);
  client.close();
  assert.equal(timers.size, 0);
});
