// SPDX-License-Identifier: MIT
// Coming, staying, being thrown out and coming back.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { AUTH_STATUS, SocketClient, WS_STATUS } from '../src/index.js';
import { next, open, pair, reach, settle } from './kit.js';

test('connects, authenticates and says so', async (t) => {
  const { fake, client } = await pair(t);
  const seen = [];
  client.onStateChange(({ state }) => seen.push(state));
  await client.connect();
  assert.deepEqual(seen, ['idle', 'connecting', 'authenticating', 'ready']);
  const { wsStatus, authStatus, user, conn } = client.getState();
  assert.equal(wsStatus, WS_STATUS.ONLINE);
  assert.equal(authStatus, AUTH_STATUS.AUTHED);
  assert.deepEqual([user, conn], ['alice', 'c1']);
  assert.deepEqual(fake.conn.received,
    [{ type: 'auth', data: { token: 'good', session: {} } }]);
});

test('connect twice is one connection', async (t) => {
  const { fake, client } = await pair(t);
  await Promise.all([client.connect(), client.connect()]);
  assert.equal(fake.conns.length, 1);
});

test('a tokenGetter may be async and is asked for each connection', async (t) => {
  let asked = 0;
  const { fake, clock, client } = await pair(t, {
    tokenGetter: async () => `token ${++asked}`,
  });
  await client.connect();
  fake.conn.close(4004, 'reconnect');
  await reach(client, 'waiting');
  clock.advance(1000);
  await reach(client, 'ready');
  assert.deepEqual(fake.conns.map((conn) => conn.received[0].data.token),
    ['token 1', 'token 2']);
});

for (const token of [undefined, null, '']) {
  test(`without a token (${token}) nothing is tried`, async (t) => {
    const { fake, clock, client } = await pair(t, { token });
    await assert.rejects(client.connect(), { code: 'NO_TOKEN' });
    clock.advance(3600000);
    await settle();
    const { state, authStatus } = client.getState();
    assert.deepEqual([state, authStatus], ['closed', 'failed']);
    assert.equal(fake.conns.length, 0);
    client.setToken('good');
    await client.connect();
    assert.equal(client.getState().authStatus, 'authed');
  });
}

test('a refused token is not tried again, another one may be', async (t) => {
  const { fake, clock, client } = await pair(t, { token: 'bad' });
  await assert.rejects(client.connect(), { code: 'INVALID_TOKEN' });
  clock.advance(3600000);
  await settle();
  assert.equal(fake.conns.length, 1);
  assert.equal(client.getState().code, 4501);
  assert.equal(client.getState().authStatus, 'failed');
  client.setToken('good');
  await client.connect();
  assert.equal(client.getState().lastError, null);
});

test('a listener of auth_error may log in again at once', async (t) => {
  const { client } = await pair(t, { token: 'bad' });
  client.once('auth_error', () => {
    client.setToken('good');
    client.connect();
  });
  client.connect();
  await reach(client, 'ready');
});

for (const code of ['HANDLER_ERROR', 'UNAVAILABLE', 'OVERLOADED']) {
  test(`an auth_error ${code} says nothing about the token`, async (t) => {
    const { clock, client } = await pair(t, { manners: { auth(conn) {
      if (conn.fake.conns.length === 1) conn.refuse(code);
      else conn.welcome();
    } } });
    client.connect();
    assert.equal((await reach(client, 'waiting')).lastError.code, code);
    clock.advance(1000);
    await reach(client, 'ready');
  });
}

test('a token that cannot be had now is asked for later', async (t) => {
  let asked = 0;
  const { clock, client } = await pair(t, { tokenGetter: async () => {
    if (++asked === 1) throw new Error('503');
    return 'good';
  } });
  client.connect();
  const { lastError } = await reach(client, 'waiting');
  assert.equal(lastError.code, 'TOKEN_UNAVAILABLE');
  assert.equal(lastError.cause.message, '503');
  clock.advance(1000);
  await reach(client, 'ready');
});

test('a server that never answers is left, and tried again', async (t) => {
  const { fake, clock, client } = await pair(t, { manners: { auth() {} } });
  client.connect();
  await fake.until(() => fake.conn?.heard('auth').length);
  clock.advance(15000);
  assert.equal(client.getState().state, 'waiting');
  assert.equal(client.getState().lastError.code, 'TIMEOUT');
  fake.manners.auth = (conn) => conn.welcome();
  clock.advance(1000);
  await reach(client, 'ready');
});

test('a token getter that hangs does not hold the client for ever', async (t) => {
  const { clock, client } = await pair(t, { tokenGetter: () =>
    new Promise(() => {}) });
  client.connect();
  clock.advance(15000);
  assert.equal(client.getState().state, 'waiting');
});

for (const code of [1000, 1001, 1011, 1012, 1013, 1014, 3000, 3003, 3008, 4001,
  4002, 4003, 4004, 4005, 4006, 4007, 4499]) {
  test(`close ${code} means come back`, async (t) => {
    const { fake, clock, client } = await pair(t);
    await client.connect();
    fake.conn.close(code, 'why');
    const state = await reach(client, 'waiting');
    assert.deepEqual([state.code, state.reason, state.attempt],
      [code, 'why', 1]);
    assert.equal(state.nextAttemptAt, clock.now() + 750);
    clock.advance(749);
    assert.equal(client.getState().state, 'waiting');
    clock.advance(1);
    await reach(client, 'ready');
  });
}

for (let code = 4500; code <= 4507; code++) {
  test(`close ${code} means stay away`, async (t) => {
    const { fake, clock, client } = await pair(t);
    await client.connect();
    fake.conn.close(code, 'why');
    const state = await reach(client, 'closed');
    assert.deepEqual([state.code, state.reason], [code, 'why']);
    assert.equal(state.lastError.message,
      `The server closed the connection: why (${code}).`);
    clock.advance(3600000);
    await settle();
    assert.equal(fake.conns.length, 1);
  });
}

test('the counter starts anew only after ten seconds of ready', async (t) => {
  const { fake, clock, client } = await pair(t);
  await client.connect();
  const lose = async () => {
    fake.cut();
    const { attempt, nextAttemptAt } = await reach(client, 'waiting');
    clock.advance(nextAttemptAt - clock.now());
    await reach(client, 'ready');
    return attempt;
  };
  const attempts = [await lose(), await lose()];
  clock.advance(9999);
  attempts.push(await lose());
  clock.advance(10000);
  attempts.push(await lose());
  assert.deepEqual(attempts, [1, 2, 3, 1]);
});

test('waits grow while nobody is there', async (t) => {
  const { fake, clock, client } = await pair(t, { random: () => 1 });
  await client.connect();
  const waits = [];
  client.onStateChange(({ state, nextAttemptAt }) => {
    if (state === 'waiting') waits.push(nextAttemptAt - clock.now());
  });
  await fake.stop();
  fake.stop = () => {};
  for (let i = 1; i <= 7; i++) {
    await reach(client, ({ state, attempt }) =>
      state === 'waiting' && attempt === i);
    clock.advance(waits.at(-1));
  }
  assert.deepEqual(waits.slice(0, 7),
    [1000, 2000, 4000, 8000, 16000, 20000, 20000]);
});

test('a goodbye says when to come back', async (t) => {
  const page = new EventTarget();
  const { fake, clock, client } = await pair(t, { page });
  await client.connect();
  fake.conn.send('goodbye', { reconnect_in_ms: [2000, 8000] });
  await next(client, 'goodbye');
  fake.conn.close(1001, 'shutdown');
  await reach(client, 'waiting');
  page.dispatchEvent(new Event('online'));
  assert.equal(client.getState().nextAttemptAt, clock.now() + 5000);
});

test('a goodbye without sense changes nothing', async (t) => {
  const { fake, clock, client } = await pair(t);
  await client.connect();
  for (const data of [undefined, {}, { reconnect_in_ms: ['a', {}] }]) {
    fake.conn.send('goodbye', data);
  }
  fake.conn.close(1001);
  const { nextAttemptAt } = await reach(client, 'waiting');
  assert.equal(nextAttemptAt, clock.now() + 750);
});

test('answers pings', async (t) => {
  const { fake, client } = await pair(t);
  await client.connect();
  fake.conn.send('ping');
  await fake.until(() => fake.conn.heard('pong').length === 1);
});

test('notices a half-open connection', async (t) => {
  const { fake, clock, client } = await pair(t);
  await client.connect();
  fake.conn.socket._socket.pause(); // takes nothing, says nothing
  clock.advance(35000);
  const { state, code } = client.getState();
  assert.deepEqual([state, code], ['waiting', 4001]);
  clock.advance(1000);
  await reach(client, 'ready');
  assert.equal(fake.conns.length, 2);

  let stale = 0;
  client.on('stale', () => stale++);
  const [old] = fake.conns;
  old.send('stale');
  old.socket._socket.resume();
  await once(old.socket, 'close');
  assert.equal(stale, 0, 'the old connection is not listened to');
});

test('refreshes the token at 80 % of its life, on the same connection',
  async (t) => {
    let asked = 0;
    const { fake, clock, client } = await pair(t, {
      tokenGetter: () => `token ${++asked}`,
      manners: { auth: (conn) => conn.welcome({ ttl: 100, ping_ms: 1e9 }) },
    });
    await client.connect();
    const before = client.getState();
    clock.advance(79999);
    assert.equal(asked, 1);
    clock.advance(1);
    await fake.until(() => fake.conn.heard('auth').length === 2);
    await next(client, 'auth_ok');
    clock.advance(80000);
    await fake.until(() => fake.conn.heard('auth').length === 3);
    assert.equal(fake.conn.heard('auth')[2].data.token, 'token 3');
    assert.equal(fake.conns.length, 1);
    assert.equal(client.getState(), before, 'nothing has changed');
  });

test('a refused refresh is final', async (t) => {
  const { client } = await pair(t);
  await client.connect();
  client.setToken('bad');
  const { lastError } = await reach(client, 'closed');
  assert.equal(lastError.code, 'INVALID_TOKEN');
});

test('close is final until connect', async (t) => {
  const { fake, clock, client } = await pair(t);
  await client.connect();
  client.close();
  clock.advance(3600000);
  assert.equal(client.getState().state, 'closed');
  assert.equal(client.getState().authStatus, 'pending');
  await client.connect();
  assert.equal(fake.conns.length, 2);
});

test('close while waiting ends the waiting', async (t) => {
  const { fake, clock, client } = await pair(t);
  await client.connect();
  fake.cut();
  await reach(client, 'waiting');
  client.close();
  clock.advance(3600000);
  assert.equal(client.getState().state, 'closed');
});

test('a closed client does not care about the page', async (t) => {
  const page = new EventTarget();
  const { client } = await pair(t, { page });
  await client.connect();
  client.close();
  page.dispatchEvent(new Event('pagehide'));
  page.dispatchEvent(new Event('pageshow'));
  assert.equal(client.getState().state, 'closed');
});

test('close while the token is fetched ends the attempt', async (t) => {
  let give;
  let sockets = 0;
  const { client } = await pair(t, {
    tokenGetter: () => new Promise((resolve) => (give = resolve)),
    WebSocket: function Counted() { sockets++; },
  });
  const connected = client.connect();
  client.close();
  await assert.rejects(connected, { code: 'CLOSED' });
  give('good');
  await settle();
  assert.equal(client.getState().state, 'closed');
  assert.equal(sockets, 0);
});

test('reconnect does not wait', async (t) => {
  const { fake, client } = await pair(t);
  await client.connect();
  fake.cut();
  await reach(client, 'waiting');
  await client.reconnect();
  assert.equal(fake.conns.length, 2);
});

test('reconnect leaves the present connection for a new one', async (t) => {
  const { fake, client } = await pair(t, { manners: { slow() {} } });
  await client.connect();
  client.join('r1');
  const asked = client.request('slow');
  const again = client.reconnect();
  await assert.rejects(asked, { code: 'DISCONNECTED' });
  assert.equal(client.rooms[0].state, 'joining');
  await again;
  await fake.until(() => fake.conns[1].heard('join').length);
  assert.equal(fake.conns.length, 2);
});

test('a listener that closes while rooms are joined is obeyed', async (t) => {
  const report = t.mock.method(console, 'error', () => {});
  const { fake, clock, client } = await pair(t, { manners: { join() {} } });
  client.join('r1');
  await client.connect();
  clock.advance(10000);
  await settle();
  assert.equal(client.rooms[0].error.code, 'TIMEOUT');
  fake.cut();
  await reach(client, 'waiting');
  client.on('@room', () => client.close());
  clock.advance(20000);
  assert.equal((await reach(client, 'closed')).code, 1000);
  assert.equal(client.getState().state, 'closed');
  assert.equal(report.mock.callCount(), 0, 'and once is enough');
});

test('a page that is looked at again asks whether the server is there',
  async (t) => {
    const page = new EventTarget();
    const { fake, client } = await pair(t, { page });
    await client.connect();
    globalThis.document = { visibilityState: 'hidden' };
    t.after(() => delete globalThis.document);
    page.dispatchEvent(new Event('visibilitychange'));
    await client.request('sync');
    assert.equal(fake.conn.heard('ping').length, 0);
    globalThis.document.visibilityState = 'visible';
    page.dispatchEvent(new Event('visibilitychange'));
    await fake.until(() => fake.conn.heard('ping').length);
  });

test('the network coming back shortens the wait', async (t) => {
  const page = new EventTarget();
  const { fake, clock, client } = await pair(t, { page });
  await client.connect();
  for (let i = 0; i < 4; i++) {
    fake.cut();
    await reach(client, 'waiting');
    await client.reconnect();
  }
  fake.cut();
  const { nextAttemptAt } = await reach(client, 'waiting');
  assert.equal(nextAttemptAt - clock.now(), 8250);
  page.dispatchEvent(new Event('online'));
  assert.equal(client.getState().nextAttemptAt - clock.now(), 750);
});

test('the network going makes sure that the server is there', async (t) => {
  const page = new EventTarget();
  const { fake, clock, client } = await pair(t, { page,
    manners: { ping() {} } });
  await client.connect();
  page.dispatchEvent(new Event('offline'));
  await fake.until(() => fake.conn.heard('ping').length);
  clock.advance(5000);
  assert.equal(client.getState().code, 4001);
});

test('a page in the back-forward cache has no socket', async (t) => {
  const page = new EventTarget();
  const { clock, client } = await pair(t, { page });
  await client.connect();
  page.dispatchEvent(new Event('pagehide'));
  const { state, nextAttemptAt } = client.getState();
  assert.deepEqual([state, nextAttemptAt], ['waiting', null]);
  clock.advance(3600000);
  assert.equal(client.getState().state, 'waiting');
  page.dispatchEvent(new Event('pageshow'));
  await reach(client, 'ready');
});

test('code written for the classic shape runs', async (t) => {
  const { fake } = await pair(t);
  const classic = new SocketClient(fake.url, {
    tokenGetter: async () => 'good',
    WebSocket: (await import('ws')).WebSocket,
  });
  t.after(() => classic.close());
  const states = [];
  const stop = classic.onStateChange((state) => states.push(state.wsStatus));
  classic.connect();
  await next(classic, 'auth_ok');
  classic.join('r1');
  assert.equal(classic.send('echo', { text: 'x' }), true);
  classic.leave('r1');
  await fake.until(() => fake.conn.heard('leave').length);
  stop();
  classic.close();
  assert.deepEqual([...new Set(states)], ['offline', 'connecting', 'online']);
});

test('a token set while connecting is the one that counts', async (t) => {
  const { fake, client } = await pair(t, { token: 'bad' });
  client.connect();
  await reach(client, 'authenticating');
  client.setToken('good');
  const { state } = await reach(client, ({ state: now }) =>
    ['ready', 'closed'].includes(now));
  assert.equal(state, 'ready');
  assert.equal(fake.conn.received[0].data.token, 'good');
});

test('of two refreshes under way the later source wins', async (t) => {
  let release;
  const { fake, client } = await pair(t);
  await client.connect();
  client.setToken(() => new Promise((resolve) => (release = resolve)));
  client.setToken('newer');
  await fake.until(() => fake.conn.heard('auth').length === 2);
  release('older');
  await settle();
  await client.request('echo');
  assert.deepEqual(fake.conn.heard('auth').map(({ data }) => data.token),
    ['good', 'newer']);
});

test('a stable connection that is dropped by hand starts anew', async (t) => {
  const { fake, clock, client } = await pair(t);
  await client.connect();
  fake.cut();
  await reach(client, 'waiting');
  clock.advance(1000);
  await reach(client, 'ready');
  clock.advance(10000);
  await client.reconnect();
  assert.equal(client.getState().attempt, 0);
});

test('an option that there is not is named', async (t) => {
  const warn = t.mock.method(console, 'warn', () => {});
  open(t, 'ws://127.0.0.1/', { tokengetter: () => 'good', queue: true });
  assert.deepEqual(warn.mock.calls.map((call) => call.arguments),
    [['perigee: no option tokengetter']]);
});

test('an address that answers without a WebSocket is named, once',
  async (t) => {
    const server = createServer((_, response) => {
      response.writeHead(404);
      response.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const warn = t.mock.method(console, 'warn', () => {});
    const url = `ws://127.0.0.1:${server.address().port}/wrong`;
    const client = open(t, url, { minDelay: 1, maxDelay: 1 });
    client.connect();
    await reach(client, ({ attempt }) => attempt > 2);
    assert.equal(warn.mock.calls.length, 1);
    const [text] = warn.mock.calls[0].arguments;
    assert.ok(text.includes(url), text);
    assert.match(text, /404/);
  });

test('a listener of the state that throws harms nobody', async (t) => {
  const report = t.mock.method(console, 'error', () => {});
  const { client } = await pair(t);
  const off = client.onStateChange(() => {
    throw new Error('mine');
  });
  await client.connect();
  off();
  assert.ok(report.mock.calls.length > 1);
});
