// SPDX-License-Identifier: MIT
// The same conversations with the real server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { SocketClient } from '../src/index.js';
import { next, open, reach } from './kit.js';
import { Server, token } from './server.js';

const as = (t, server, user, options) =>
  open(t, server.url, { token: token(user), minDelay: 50, ...options });

test('says who it is and gets back what it sends', async (t) => {
  const server = await Server.start(t);
  const alice = as(t, server, 'alice');
  await alice.connect();
  assert.equal(alice.getState().user, 'alice');
  const data = { int: 5, big: 2 ** 53, list: [], map: {}, none: null,
    text: 'Grüße 🌙', part: 0.1 };
  assert.deepEqual(await alice.request('test.echo', data), data);
});

test('two users in a room hear each other', async (t) => {
  const server = await Server.start(t);
  const [alice, bob] = ['alice', 'bob'].map((user) => as(t, server, user));
  alice.connect();
  bob.connect();
  assert.deepEqual(await alice.join('r1', { hello: 'hi' }), { hello: 'hi' });
  await bob.join('r1');
  const heard = [next(alice, 'test.said'), next(bob, 'test.said')];
  assert.equal(await bob.request('test.say', { room: 'r1', text: 'x' }), 2);
  assert.deepEqual(await Promise.all(heard),
    Array(2).fill({ from: 'bob', text: 'x' }));
});

test('errors of the server arrive as errors', async (t) => {
  const server = await Server.start(t);
  const alice = as(t, server, 'alice');
  await alice.connect();
  await assert.rejects(alice.join('vip'), { code: 'test.members_only',
    message: 'members only', sent: true });
  await assert.rejects(alice.request('no.such'), { code: 'UNKNOWN_TYPE' });
  await assert.rejects(alice.request('test.fail'), (error) =>
    error.code === 'HANDLER_ERROR' && Boolean(error.ref));
});

test('a refused token is final, another one is welcome', async (t) => {
  const server = await Server.start(t);
  const alice = as(t, server, 'alice', { token: `${token('alice')}x` });
  await assert.rejects(alice.connect(), { code: 'INVALID_TOKEN' });
  assert.equal(alice.getState().state, 'closed');
  alice.setToken(token('alice'));
  await alice.connect();
});

test('an expired token is replaced by a fresh one', async (t) => {
  const server = await Server.start(t);
  const tokens = [token('alice', -60), token('alice')];
  const alice = as(t, server, 'alice', { tokenGetter: () => tokens.shift() });
  alice.connect();
  const { lastError } = await reach(alice, 'waiting');
  assert.equal(lastError.code, 'TOKEN_EXPIRED');
  await reach(alice, 'ready');
});

test('a token that is not valid yet is tried when it is', async (t) => {
  const server = await Server.start(t);
  const soon = token('alice', 3600,
    { nbf: Math.floor(Date.now() / 1000) + 7 }); // the leeway is five
  const alice = as(t, server, 'alice', { token: soon });
  alice.connect();
  const { code, lastError } = await reach(alice, 'waiting');
  assert.deepEqual([code, lastError.code], [4003, 'TOKEN_NOT_YET_VALID']);
  assert.ok(lastError.retryAfterMs > 0);
  await reach(alice, 'ready');
});

test('a server that is full lets in who waits', async (t) => {
  const server = await Server.start(t, { 'limits.connections': 1 });
  const [alice, bob] = ['alice', 'bob'].map((user) => as(t, server, user));
  await alice.connect();
  bob.connect();
  const { code, lastError } = await reach(bob, 'waiting');
  assert.deepEqual([code, lastError.code], [4007, 'TRY_LATER']);
  assert.ok(lastError.retryAfterMs > 0);
  alice.close();
  await reach(bob, 'ready');
});

test('a cookie logs in', async (t) => {
  const server = await Server.start(t, { 'auth.cookie': 'session' });
  class Browserlike extends WebSocket {
    constructor(url) {
      super(url, { headers: { Cookie: `session=${token('alice')}` } });
    }
  }
  const alice = new SocketClient(server.url, { WebSocket: Browserlike });
  t.after(() => alice.close());
  await alice.connect();
  assert.equal(alice.getState().user, 'alice');
});

test('a login by cookie has a session', async (t) => {
  const server = await Server.start(t, { 'auth.cookie': 'session' });
  let socket;
  class Browserlike extends WebSocket {
    constructor(url) {
      super(url, { headers: { Cookie: `session=${token('alice')}` } });
      socket = this;
    }
  }
  const alice = new SocketClient(server.url, { WebSocket: Browserlike,
    minDelay: 1, maxDelay: 50 });
  t.after(() => alice.close());
  await alice.connect();
  const { conn } = alice.getState();
  const resumed = next(alice, 'resumed');
  socket.terminate();
  await resumed;
  assert.equal(alice.getState().conn, conn);
});

test('what scripts do with rooms is in the list', async (t) => {
  const server = await Server.start(t);
  const alice = as(t, server, 'alice');
  await alice.connect();
  await alice.request('test.put', '~team');
  assert.deepEqual(alice.rooms.map(({ room, state }) => [room, state]),
    [['~team', 'joined']]);
  await alice.request('test.take', '~team');
  assert.deepEqual(alice.rooms, []);
});

test('a long queue arrives whole, under the limits of the server',
  async (t) => {
    const server = await Server.start(t, { 'limits.messages_per_s': 20,
      'limits.burst': 10, 'limits.bytes_per_s': 20000 });
    const alice = as(t, server, 'alice', { queue: true });
    for (let i = 0; i < 20; i++) alice.join(`room ${i}`);
    const asked = Array.from({ length: 30 }, (_, i) =>
      alice.request('test.echo', { i, text: 'x'.repeat(500) },
        { timeout: 60000 }));
    await alice.connect();
    const answers = await Promise.all(asked);
    assert.deepEqual(answers.map(({ i }) => i), [...answers.keys()]);
    assert.ok(alice.rooms.every(({ state }) => state === 'joined'));
  });

test('a token is refreshed in time, the connection stays', async (t) => {
  const server = await Server.start(t);
  let asked = 0;
  const alice = as(t, server, 'alice', { tokenGetter: () =>
    (++asked, token('alice', 3)) });
  await alice.connect();
  const { conn } = alice.getState();
  await next(alice, 'auth_ok');
  await next(alice, 'auth_ok');
  assert.equal(asked, 3);
  assert.equal(alice.getState().conn, conn);
  assert.equal(await alice.request('test.echo', 1), 1);
});

test('a token for another user is no refresh', async (t) => {
  const server = await Server.start(t);
  const alice = as(t, server, 'alice');
  await alice.connect();
  alice.setToken(token('mallory'));
  const { code, authStatus } = await reach(alice, 'closed');
  assert.deepEqual([code, authStatus], [4501, 'failed']);
});

test('the code of a close decides whether to come back', async (t) => {
  const server = await Server.start(t);
  const alice = as(t, server, 'alice');
  await alice.connect();
  await alice.join('r1');
  alice.send('test.close', { code: 4004 });
  assert.equal((await reach(alice, 'waiting')).code, 4004);
  await reach(alice, 'ready');
  await alice.join('r1');
  alice.send('test.close', { code: 4502 });
  const { code, reason } = await reach(alice, 'closed');
  assert.deepEqual([code, reason], [4502, 'asked for']);
});

/**
 * Has the server close with `code`, and resolves in the moment between its
 * close frame and the close event of the socket.
 */
async function closing(t, server, code, options) {
  let socket;
  class Watched extends WebSocket {
    constructor(...args) {
      super(...args);
      socket = this;
    }
  }
  const alice = as(t, server, 'alice', { WebSocket: Watched, ...options });
  await alice.connect();
  alice.send('test.close', { code });
  while (socket.readyState === WebSocket.OPEN) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(socket.readyState, WebSocket.CLOSING);
  assert.equal(alice.getState().state, 'ready'); // it does not know the code
  return alice;
}

test('what is asked while the socket closes waits in the queue', async (t) => {
  const server = await Server.start(t);
  const alice = await closing(t, server, 4004, { queue: true });
  const asked = [1, 2].map((n) => alice.request('test.echo', n));
  const joined = alice.join('r1', { hello: 'hi' });
  assert.ok(alice.send('test.echo', 3));
  assert.deepEqual(alice.queued.map(({ data }) => data), [1, 2, 3]);
  await reach(alice, 'waiting');
  assert.deepEqual(await Promise.all(asked), [1, 2]);
  assert.deepEqual(await joined, { hello: 'hi' });
  assert.deepEqual(alice.queued, []);
});

test('without a queue it is refused, and comes back all the same',
  async (t) => {
    const server = await Server.start(t);
    const alice = await closing(t, server, 4004, { queue: false });
    assert.equal(alice.send('test.echo', 1), false);
    await assert.rejects(alice.request('test.echo', 1),
      { code: 'NOT_READY', sent: false, retry: true });
    await reach(alice, 'waiting');
    await reach(alice, 'ready');
    assert.equal(await alice.request('test.echo', 2), 2);
  });

test('what was asked while the socket closed for good is handed back',
  async (t) => {
    const server = await Server.start(t);
    const alice = await closing(t, server, 4502, { queue: true });
    const dropped = next(alice, '@dropped');
    await assert.rejects(alice.request('test.echo', 1),
      { code: 'CLOSED', sent: false });
    assert.equal(alice.getState().state, 'closed');
    assert.deepEqual(await dropped, [{ type: 'test.echo', data: 1 }]);
  });

test('a server that hears nothing and a client that hears nothing part',
  async (t) => {
    const server = await Server.start(t,
      { 'heartbeat.interval_s': 0.2, 'heartbeat.timeout_s': 0.2 });
    const alice = as(t, server, 'alice');
    await alice.connect();
    server.child.kill('SIGSTOP');
    const { code } = await reach(alice, 'waiting');
    assert.equal(code, 4001);
    server.child.kill('SIGCONT');
    await reach(alice, 'ready');
  });

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(`after ${signal} and a new start everybody is back in the room`,
    async (t) => {
      const server = await Server.start(t, { 'shutdown.drain_s': 0.2 });
      const users = ['alice', 'bob', 'carol'].map((user) =>
        as(t, server, user));
      await Promise.all(users.map((user) => user.connect()));
      await Promise.all(users.map((user) => user.join('r1')));
      const goodbye = next(users[0], 'goodbye');
      const lost = users.map((user) => reach(user, 'waiting'));
      await server.stop(signal);
      await Promise.all(lost);
      if (signal === 'SIGTERM') {
        assert.equal((await goodbye).reconnect_in_ms.length, 2);
      }
      await server.run();
      await Promise.all(users.map((user) => reach(user, 'ready')));
      await Promise.all(users.map((user) => user.join('r1')));
      const heard = users.map((user) => next(user, 'test.said'));
      await users[0].request('test.say', { room: 'r1', text: 'back' });
      await Promise.all(heard);
    });
}
