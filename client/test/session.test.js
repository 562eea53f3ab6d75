// SPDX-License-Identifier: MIT
// A session goes on over a lost connection, as if nothing had been.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { blink, next, pair, reach, settle } from './kit.js';
import { sessionPair } from './sessions.js';

const hold = { slow() {} }; // a type that is not answered by itself

const numbers = (client, type) => {
  const heard = [];
  client.on(type, (n) => heard.push(n));
  return heard;
};

test('a session is asked for, and what came is acknowledged', async (t) => {
  const { fake, client, sessions } = await sessionPair(t);
  await client.connect();
  assert.deepEqual(fake.conn.received[0].data, { token: 'good', session: {} });
  fake.conn.send('news', 1);
  await client.request('echo');
  fake.conn.send('ping', { received: sessions.received });
  await fake.until(() => fake.conn.heard('pong').length);
  assert.deepEqual(fake.conn.heard('pong')[0].data, { received: 2 });
  assert.equal(sessions.out.length, 0);
});

test('what was missed comes after the resume, in order and once', async (t) => {
  const made = await sessionPair(t);
  const { fake, client } = made;
  await client.connect();
  await client.join('r1');
  const heard = numbers(client, 'news');
  const seen = [];
  client.on('@room', ({ state }) => seen.push(state));
  fake.conn.send('news', 1);
  await next(client, 'news');
  const resumed = [];
  client.on('resumed', (data) => resumed.push(data, [...heard]));
  await blink(made, () => {
    fake.conn.send('news', 2);
    fake.conn.send('news', 3);
  });
  assert.deepEqual(resumed, [{ awayMs: 750 }, [1]], 'before what was missed');
  fake.conn.send('news', 4);
  await client.request('ping');
  assert.deepEqual(heard, [1, 2, 3, 4]);
  assert.deepEqual(seen, [], 'the room has not been left');
  assert.equal(fake.conn.heard('join').length, 0);
  assert.deepEqual(fake.conn.heard('auth')[0].data.session,
    { id: 'session 1', received: 2 });
});

test('an answer that was on its way comes after the resume', async (t) => {
  const made = await sessionPair(t, { manners: hold });
  const { fake, client } = made;
  await client.connect();
  const asked = client.request('slow', 1);
  const other = client.request('slow', 2);
  await fake.until(() => fake.conn.heard('slow').length === 2);
  const [first, second] = fake.conn.heard('slow');
  await blink(made, () => fake.conn.send('reply', 'one', first.id));
  assert.equal(await asked, 'one');
  fake.conn.send('reply', 'two', second.id);
  assert.equal(await other, 'two');
  assert.equal(fake.conn.heard('slow').length, 0, 'the server had them');
});

test('what the server did not get is sent again, in order and once',
  async (t) => {
    const made = await sessionPair(t);
    const { fake, client } = made;
    await client.connect();
    client.send('note', 1);
    await client.request('ping');
    const [first] = fake.conns;
    first.socket._socket.pause(); // what is sent now gets lost
    client.send('note', 2);
    const asked = client.request('note', 3);
    await blink(made, () => {
      assert.equal(client.send('note', 4), true, 'it may wait');
      assert.deepEqual(client.queued, [{ type: 'note', data: 4 }]);
    });
    assert.equal(await asked, 3);
    await client.request('sync');
    assert.deepEqual(fake.conns.map((conn) =>
      conn.heard('note').map(({ data }) => data)), [[1], [2, 3, 4]]);
    assert.deepEqual(client.queued, []);
  });

test('how much may wait for a resume is limited', async (t) => {
  const { fake, client } = await sessionPair(t);
  await client.connect();
  fake.cut();
  await reach(client, 'waiting');
  for (let i = 0; i < 64; i++) assert.equal(client.send('note', i), true);
  assert.equal(client.send('note', 64), false);
  await assert.rejects(client.request('note'), { code: 'QUEUE_FULL' });
});

test('nothing waits longer than the server keeps the session', async (t) => {
  const { fake, clock, client } = await sessionPair(t, { minDelay: 1e6,
    maxDelay: 1e7 });
  await client.connect();
  fake.cut();
  await reach(client, 'waiting');
  clock.advance(29999);
  assert.equal(client.send('note'), true);
  clock.advance(1);
  assert.equal(client.send('note'), false);
});

test('with queue: false nothing waits at all', async (t) => {
  const { fake, client } = await sessionPair(t, { queue: false });
  await client.connect();
  fake.cut();
  await reach(client, 'waiting');
  assert.equal(client.send('note'), false);
  await assert.rejects(client.request('note'), { code: 'NOT_READY' });
});

test('a session that is lost is told, with what is not known', async (t) => {
  const made = await sessionPair(t, { manners: hold });
  const { fake, client, sessions } = made;
  await client.connect();
  await client.join('r1');
  const dropped = next(client, '@dropped');
  const lost = next(client, 'session_lost');
  client.send('note', 1);
  const asked = client.request('slow', 2);
  const rooms = [];
  client.on('@room', ({ state }) => rooms.push(state));
  let waiting;
  await blink(made, () => {
    assert.deepEqual(rooms, [], 'it may go on yet');
    client.send('note', 3);
    waiting = client.request('slow', 4);
    waiting.catch(() => {});
    sessions.lose();
  });
  await assert.rejects(asked, { code: 'DISCONNECTED', sent: true, retry: true });
  await assert.rejects(waiting,
    { code: 'DISCONNECTED', sent: false, retry: true });
  const { sent, awayMs } = await lost;
  assert.equal(awayMs, 750);
  assert.deepEqual(sent.map(({ type, data }) => [type, data]),
    [['note', 1], ['slow', 2]]);
  assert.deepEqual(await dropped, [{ type: 'note', data: 3 },
    { type: 'slow', data: 4 }]);
  await client.request('sync');
  assert.deepEqual(rooms, ['joining', 'joined']);
  assert.deepEqual(fake.conn.received.map(({ type }) => type),
    ['auth', 'join', 'sync']);
});

test('a queue that is wanted outlives the session', async (t) => {
  const made = await sessionPair(t, { queue: true });
  const { fake, client, sessions } = made;
  await client.connect();
  await blink(made, () => {
    client.send('note', 1);
    sessions.lose();
  });
  await client.request('sync');
  assert.deepEqual(fake.conn.received.map(({ type }) => type),
    ['auth', 'note', 'sync']);
});

test('each connection of a session goes on where the last one was',
  async (t) => {
    const made = await sessionPair(t);
    const { fake, client } = made;
    await client.connect();
    const heard = numbers(client, 'news');
    for (let i = 0; i < 5; i++) {
      await blink(made, () => {
        fake.conn.send('news', i);
        client.send('note', i);
      });
    }
    await client.request('sync');
    assert.deepEqual(heard, [0, 1, 2, 3, 4]);
    assert.deepEqual(fake.conns.flatMap((conn) =>
      conn.heard('note').map(({ data }) => data)), [0, 1, 2, 3, 4]);
  });

test('what a refused attempt says does not count', async (t) => {
  let isFull = false;
  const made = await sessionPair(t, { manners: { auth(conn, data) {
    if (!isFull) return conn.fake.sessions.welcome(conn, data);
    conn.error(undefined, 'TRY_LATER');
    return conn.close(4007);
  } } });
  const { fake, clock, client } = made;
  await client.connect();
  fake.conn.send('news', 1);
  await next(client, 'news');
  isFull = true;
  fake.cut();
  await reach(client, 'waiting');
  fake.conn.send('news', 2);
  clock.advance(1000);
  await reach(client, ({ code }) => code === 4007);
  isFull = false;
  const missed = next(client, 'news');
  clock.advance(2000);
  assert.equal(await missed, 2);
});

test('what is sent again keeps to the rates of the server', async (t) => {
  const made = await sessionPair(t, { facts: {
    limits: { messages_per_s: 10, burst: 10, bytes_per_s: 0 } } });
  const { fake, clock, client } = made;
  await client.connect();
  fake.conn.socket._socket.pause();
  for (let i = 0; i < 20; i++) client.send('note', i); // too fast, too
  await blink(made);
  client.send('note', 20); // behind them
  const notes = () => fake.conn.heard('note').map(({ data }) => data);
  await settle();
  assert.deepEqual(notes(), []);
  for (let i = 0; i < 5; i++) clock.advance(1000);
  await fake.until(() => notes().length === 21);
  assert.deepEqual(notes(), Array.from({ length: 21 }, (_, i) => i));
});

test('a client that sends much asks what has arrived', async (t) => {
  let isDeaf = false;
  const { fake, client } = await sessionPair(t, { maxBuffered: 1000,
    manners: { ping: (conn) => isDeaf || conn.send('pong',
      { received: conn.fake.sessions.received }) } });
  await client.connect();
  const text = 'x'.repeat(280);
  for (let i = 0; i < 6; i++) {
    assert.equal(client.send('note', text), true);
    await fake.until(() => fake.conn.heard('note').length === i + 1);
    if (i % 2) await next(client, 'pong');
  }
  assert.equal(fake.conn.heard('ping').length, 3);
  isDeaf = true;
  for (let i = 0; i < 4; i++) client.send('note', text);
  assert.equal(client.send('note', text), false, 'no more than that is kept');
  await assert.rejects(client.request('note'), { code: 'BUSY', sent: false });
});

test('a ping is not repeated, so it fails with its connection', async (t) => {
  const { fake, client } = await sessionPair(t, { manners: { ping() {} } });
  await client.connect();
  const asked = client.request('ping');
  await fake.until(() => fake.conn.heard('ping').length);
  fake.cut();
  await assert.rejects(asked, { code: 'DISCONNECTED' });
});

test('a refresh and a new token leave the session alone', async (t) => {
  const made = await sessionPair(t);
  const { fake, client } = made;
  await client.connect();
  client.setToken('other');
  await fake.until(() => fake.conn.heard('auth').length === 2);
  assert.deepEqual(fake.conn.heard('auth')[1].data, { token: 'other' });
  const resumed = next(client, 'resumed');
  await blink(made);
  await resumed;
  assert.deepEqual(fake.conn.heard('auth')[0].data,
    { token: 'other', session: { id: 'session 1', received: 0 } });
});

test('leaving a room while away is said after what was said before',
  async (t) => {
    const made = await sessionPair(t);
    const { fake, client } = made;
    await client.connect();
    await client.join('r1');
    let left;
    await blink(made, () => {
      client.send('note', 'bye');
      left = client.leave('r1');
      assert.deepEqual(client.rooms, []);
      client.join('r2');
    });
    await left;
    await client.request('sync');
    assert.deepEqual(fake.conn.received.map(({ type }) => type),
      ['auth', 'note', 'leave', 'join', 'sync']);
  });

test('a join that was under way is answered after the resume', async (t) => {
  const made = await sessionPair(t, { manners: { join() {} } });
  const { fake, client } = made;
  await client.connect();
  const joined = client.join('r1');
  await fake.until(() => fake.conn.heard('join').length);
  const { id } = fake.conn.heard('join')[0];
  await blink(made);
  await client.request('sync');
  assert.equal(fake.conn.heard('join').length, 0);
  fake.conn.send('reply', 'in', id);
  assert.equal(await joined, 'in');
});

test('a server that forgets sessions altogether', async (t) => {
  const made = await sessionPair(t);
  const { fake, client } = made;
  await client.connect();
  const lost = next(client, 'session_lost');
  fake.sessions = null;
  fake.manners.auth = (conn) => conn.welcome();
  await blink(made);
  await lost;
  fake.conn.send('ping');
  await fake.until(() => fake.conn.heard('pong').length);
  assert.deepEqual(fake.conn.heard('pong'), [{ type: 'pong' }]);
  fake.cut();
  await reach(client, 'waiting');
  assert.equal(client.send('note'), false);
});

test('without sessions everything is as it was', async (t) => {
  const made = await sessionPair(t, { session: false, manners: hold });
  const { fake, client } = made;
  await client.connect();
  assert.deepEqual(fake.conn.received[0].data, { token: 'good' });
  const asked = client.request('slow');
  await client.join('r1');
  fake.cut();
  await assert.rejects(asked, { code: 'DISCONNECTED', sent: true });
  assert.equal(client.rooms[0].state, 'joining');
});

/** The code with which the server sees the first connection end. */
async function codeOf(t, end) {
  const page = new EventTarget();
  const made = await sessionPair(t, { page, manners: { ping() {} } });
  await made.client.connect();
  const closed = once(made.fake.conn.socket, 'close');
  end(made, page);
  const [code] = await closed;
  return code;
}

test('only who leaves for good says so', async (t) => {
  const pagehide = (persisted) => (_, page) =>
    page.dispatchEvent(Object.assign(new Event('pagehide'), { persisted }));
  assert.equal(await codeOf(t, ({ client }) => client.close()), 1000);
  assert.equal(await codeOf(t, pagehide(false)), 1000);
  assert.equal(await codeOf(t, pagehide(true)), 1005);
  assert.equal(await codeOf(t, ({ client }) => client.reconnect()), 1005);
  assert.equal(await codeOf(t, ({ clock }) => clock.advance(35000)), 1005);
});

test('a page in the back-forward cache goes on with its session', async (t) => {
  const page = new EventTarget();
  const { fake, client } = await sessionPair(t, { page });
  await client.connect();
  page.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: true }));
  const [resumed, news] = ['resumed', 'news'].map((type) => next(client, type));
  fake.conn.send('news', 1);
  page.dispatchEvent(new Event('pageshow'));
  await resumed;
  assert.equal(await news, 1);
});

test('after close a session is not taken up again', async (t) => {
  const { fake, client } = await sessionPair(t);
  await client.connect();
  client.close();
  client.on('session_lost', () => assert.fail('it was ended'));
  await client.connect();
  assert.deepEqual(fake.conn.heard('auth')[0].data.session, {});
});

test('however the network is cut, everything arrives once and in order',
  async (t) => {
    const seed = Number(process.env.SEED) || Date.now() % 1e6;
    t.diagnostic(`SEED=${seed}`);
    let state = seed;
    const random = () => (state = (state * 16807 + 11) % 2147483647) / 2147483647;
    const made = await sessionPair(t, { queue: 1000 });
    const { fake, clock, client } = made;
    await client.connect();
    const heard = numbers(client, 'news');
    const answers = [];
    let [pushed, sent] = [0, 0];
    const acts = [
      // Through the session: a connection without a login is not of it.
      () => fake.sessions.tell(fake.sessions.conn,
        { type: 'news', data: pushed++ }),
      () => client.send('note', sent++),
      () => {
        const n = sent++;
        client.request('note', n, { timeout: 0 })
          .then((answer) => answers.push([n, answer]));
      },
      () => fake.conn.send('ping', { received: fake.sessions.received }),
      () => fake.conns.at(-1).socket._socket?.pause(),
      () => fake.cut(),
      () => client.reconnect(),
      settle,
      settle,
    ];
    for (let i = 0; i < 1000; i++) {
      await acts[Math.floor(random() * acts.length)]();
      clock.advance(Math.floor(random() * 100));
    }
    for (const { socket } of fake.conns) socket._socket?.resume();
    await client.reconnect();
    for (let i = 0; i < 100; i++) clock.advance(1000);
    await client.request('sync', 0, { timeout: 0 });
    const all = (n) => Array.from({ length: n }, (_, i) => i);
    assert.deepEqual(heard, all(pushed));
    assert.deepEqual(fake.conns.flatMap((conn) => conn.heard('note'))
      .map(({ data }) => data), all(sent));
    assert.ok(answers.length > 0);
    assert.ok(answers.every(([n, answer]) => n === answer));
  });
