// SPDX-License-Identifier: MIT
// What is final and what may pass; and what the client says about it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { SocketClient } from '../src/index.js';
import { Fake } from './fake.js';
import { FakeClock } from './clock.js';
import { next, open, pair, reach, settle } from './kit.js';

/** Lets the wait end, and resolves when the client has come so far. */
async function wait(client, clock, until) {
  const { nextAttemptAt } = await reach(client, 'waiting');
  clock.advance(nextAttemptAt - clock.now());
  return reach(client, until);
}

const isOver = ({ state }) => state === 'ready' || state === 'closed';

test('an expired token is replaced for as long as it takes', async (t) => {
  for (const close of [4003, 4501]) { // 4501: servers of before
    let asked = 0;
    const { fake, clock, client } = await pair(t, {
      tokenGetter: () => `token ${++asked}`,
      manners: { auth: (conn) => (conn.fake.conns.length < 6
        ? conn.refuse('TOKEN_EXPIRED', {}, close) : conn.welcome()) },
    });
    client.connect();
    const { code, lastError } = await reach(client, 'waiting');
    assert.deepEqual([code, lastError.code], [4003, 'TOKEN_EXPIRED']);
    for (let i = 1; i < 6; i++) {
      await wait(client, clock, (now) => isOver(now) || now.attempt > i);
    }
    assert.equal((await reach(client, isOver)).state, 'ready');
    assert.deepEqual([asked, fake.conns.length], [6, 6]);
  }
});

test('a fixed token that has expired stays expired', async (t) => {
  const { fake, clock, client } = await pair(t, { manners: {
    auth: (conn) => conn.refuse('TOKEN_EXPIRED', {}, 4003) } });
  client.connect();
  const { code, authStatus } = await reach(client, 'closed');
  assert.deepEqual([code, authStatus], [4003, 'failed']);
  clock.advance(3600000);
  await settle();
  assert.equal(fake.conns.length, 1);
});

test('a token that is not valid yet is tried when it is', async (t) => {
  const { clock, client } = await pair(t, { manners: {
    auth: (conn) => (conn.fake.conns.length === 1
      ? conn.refuse('TOKEN_NOT_YET_VALID', { retry_after_ms: 4000 }, 4003)
      : conn.welcome()) } });
  client.connect();
  const { code, nextAttemptAt } = await reach(client, 'waiting');
  assert.equal(code, 4003);
  assert.equal(nextAttemptAt - clock.now(), 4750);
  await wait(client, clock, 'ready');
});

test('a refused token is followed by another one', async (t) => {
  let asked = 0;
  const { fake, clock, client } = await pair(t, {
    tokenGetter: () => (++asked < 4 ? `bad ${asked}` : 'good'),
    manners: { auth: (conn, { token }) => (token === 'good'
      ? conn.welcome() : conn.refuse('INVALID_TOKEN')) } });
  client.connect();
  const { nextAttemptAt } = await reach(client, 'waiting');
  assert.ok(nextAttemptAt - clock.now() > 1000, 'tokens count in seconds');
  for (let i = 1; i < 4; i++) {
    await wait(client, clock, (now) => isOver(now) || now.attempt > i);
  }
  assert.equal(client.getState().state, 'ready');
  assert.equal(fake.conns.length, 4);
});

test('the same one is not tried twice', async (t) => {
  let asked = 0;
  const { fake, clock, client } = await pair(t,
    { tokenGetter: () => (++asked, 'bad') });
  const connected = client.connect();
  const { code, lastError } = await wait(client, clock, 'closed');
  assert.deepEqual([code, lastError.code], [4501, 'INVALID_TOKEN']);
  await assert.rejects(connected, { code: 'INVALID_TOKEN' });
  assert.deepEqual([asked, fake.conns.length], [2, 1]);
  client.connect();
  await fake.until(() => fake.conns.length === 2);
});

test('what a script says about a user is final', async (t) => {
  const { client } = await pair(t, { tokenGetter: () => 'good', manners: {
    auth: (conn) => conn.refuse('chat.banned') } });
  await assert.rejects(client.connect(), { code: 'chat.banned' });
});

/** A client that has been told to come back in five seconds. */
async function sentAway(t, options) {
  const it = await pair(t, { ...options, manners: { auth(conn) {
    if (conn.fake.conns.length > 1) {
      conn.welcome();
      return;
    }
    conn.error(undefined, 'TRY_LATER', { retry: true, retry_after_ms: 5000 });
    conn.close(4007, 'try_later');
  } } });
  it.client.connect();
  await reach(it.client, 'waiting');
  return it;
}

test('a full server says when to come back', async (t) => {
  const { clock, client } = await sentAway(t);
  const { code, lastError, nextAttemptAt } = client.getState();
  assert.deepEqual([code, lastError.code, lastError.retry, lastError.sent],
    [4007, 'TRY_LATER', true, true]);
  assert.equal(nextAttemptAt - clock.now(), 5750);
  await wait(client, clock, 'ready');
  assert.equal(client.getState().lastError, null);
});

test('neither the network nor the page shorten that', async (t) => {
  const page = new EventTarget();
  const { clock, client } = await sentAway(t, { page });
  const start = clock.now();
  clock.advance(4999);
  page.dispatchEvent(new Event('online'));
  assert.equal(client.getState().nextAttemptAt - start, 5750);
  page.dispatchEvent(new Event('pagehide'));
  page.dispatchEvent(new Event('pageshow'));
  assert.equal(client.getState().state, 'waiting');
  clock.advance(1);
  await reach(client, 'ready');
});

test('without a token it is the handshake that logs in', async (t) => {
  const fake = await Fake.start();
  t.after(() => fake.stop());
  fake.server.on('connection', () => fake.conn.welcome());
  const client = new SocketClient(fake.url, { WebSocket, session: false });
  t.after(() => client.close());
  await client.connect();
  await client.request('sync');
  assert.deepEqual(fake.conn.received.map(({ type }) => type), ['sync']);
  client.setToken('other');
  await fake.until(() => fake.conn.heard('auth').length);
});

test('a handshake waits for the message that asks for a session', async (t) => {
  const fake = await Fake.start();
  t.after(() => fake.stop());
  const paths = [];
  fake.server.on('connection', (_, { url }) => paths.push(url));
  for (const query of ['', '?a=b']) {
    const client = new SocketClient(`${fake.url}${query}`, { WebSocket });
    t.after(() => client.close());
    await client.connect();
    const [{ data }] = fake.conn.heard('auth');
    assert.deepEqual(data, { session: {} });
  }
  assert.deepEqual(paths.map((path) => path.replace(/^[^?]*/, '')),
    ['?auth=message', '?a=b&auth=message']);
});

test('a handshake that logs nobody in may do so later', async (t) => {
  const fake = await Fake.start({ auth: () => {} });
  t.after(() => fake.stop());
  const clock = new FakeClock();
  const client = new SocketClient(fake.url, { WebSocket, clock });
  t.after(() => client.close());
  client.connect();
  await reach(client, 'authenticating');
  await fake.until(() => fake.conn);
  fake.conn.close(4006, 'auth_timeout');
  const { lastError } = await reach(client, 'waiting');
  assert.deepEqual([lastError.code, lastError.retry], ['NO_TOKEN', true]);
  assert.match(lastError.message, /handshake/);
});

test('a server that is not there is named, and tried again', async (t) => {
  const { fake, client } = await pair(t);
  await fake.stop();
  fake.stop = () => {};
  client.connect();
  const { code, lastError } = await reach(client, 'waiting');
  assert.equal(code, 1006);
  assert.deepEqual([lastError.code, lastError.retry], ['UNREACHABLE', true]);
  assert.match(lastError.message, /ECONNREFUSED/);
});

test('a class that fires only an error is enough', async (t) => {
  let socket;
  const { clock, client } = await pair(t, { WebSocket: class {
    constructor() { socket = this; }
    close() {}
  } });
  client.connect();
  await reach(client, 'connecting');
  await settle();
  socket.onerror({ type: 'error' });
  const { lastError, nextAttemptAt } = client.getState();
  assert.equal(lastError.message, 'The server cannot be reached.');
  assert.equal(nextAttemptAt - clock.now(), 750);
});

test('without a WebSocket class the client says what to pass', async (t) => {
  const client = open(t, 'ws://127.0.0.1/', { WebSocket: {} });
  await assert.rejects(client.connect(), { code: 'NO_SOCKET', retry: false,
    message: /\{ WebSocket \} from the package ws/ });
});

test('there is no use in trying again what was closed for good', async (t) => {
  const { fake, client } = await pair(t);
  await assert.rejects(client.request('note'),
    { code: 'NOT_READY', retry: true, message: 'There is no connection.' });
  await client.connect();
  fake.conn.close(4502, 'kicked');
  await reach(client, 'closed');
  await assert.rejects(client.request('note'),
    { code: 'NOT_READY', retry: false });
});

test('every error of the client is a sentence', async (t) => {
  const { client } = await pair(t, { queue: 1 });
  const first = client.request('a');
  const second = client.request('b');
  const room = client.join('r1');
  client.leave('r1');
  client.close();
  for (const asked of [first, second, room]) {
    await assert.rejects(asked, { message: /^[A-Z].*\.$/ });
  }
});

test('the error of a script may carry data', async (t) => {
  const { client } = await pair(t, { manners: { ask: (conn, { id }) =>
    conn.error(id, 'shop.short', { data: { left: 2 } }) } });
  await client.connect();
  await assert.rejects(client.request('ask'), { data: { left: 2 } });
});

test('a reload that changes a limit is told with the next token', async (t) => {
  const { client } = await pair(t, { manners: { auth: (conn, { token }) =>
    conn.welcome({ max_message: token === 'good' ? 100 : 200 }) } });
  await client.connect();
  assert.equal(client.send('note', 'x'.repeat(150)), false);
  client.setToken('newer');
  await next(client, 'auth_ok');
  assert.equal(client.send('note', 'x'.repeat(150)), true);
});
