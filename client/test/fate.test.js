// SPDX-License-Identifier: MIT
// Whatever is sent has a fate, and the application is told: it was answered, it
// may have arrived, or it has not left. And whatever is promised, settles.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blink, next, pair, reach, settle } from './kit.js';
import { sessionPair } from './sessions.js';

const hold = { slow() {} }; // a type that is not answered by itself
const slow = { limits: { messages_per_s: 10, burst: 10, bytes_per_s: 0 } };

/** What the client says about messages: [event, data, …]. */
function words(client) {
  const said = [];
  client.on('@dropped', (all) =>
    said.push(...all.map(({ data }) => ['dropped', data])));
  client.on('session_lost', ({ sent }) =>
    said.push(...sent.map(({ data }) => ['unsure', data])));
  client.on('error', ({ code }) => said.push(['error', code]));
  return said;
}

const dropped = (...all) => all.map((data) => ['dropped', data]);
const unsure = (...all) => all.map((data) => ['unsure', data]);
const notes = (conn) => conn.heard('note').map(({ data }) => data);

test('what waited for a session that is lost is told, also behind a leave',
  async (t) => {
    const made = await sessionPair(t);
    const { fake, client, sessions } = made;
    const said = words(client);
    await client.connect();
    await client.join('r1');
    let [asked, left] = [];
    await blink(made, () => {
      client.send('note', 1);
      asked = client.request('note', 2);
      asked.catch(() => {});
      left = client.leave('r1');
      client.send('note', 3);
      client.join('r2');
      assert.deepEqual(client.queued.map(({ data }) => data), [1, 2, 3]);
      sessions.lose();
    });
    await left;
    await assert.rejects(asked, { code: 'DISCONNECTED', sent: false });
    await client.request('sync');
    assert.deepEqual(said, dropped(1, 2, 3));
    assert.deepEqual(fake.conn.received.map(({ type, data }) =>
      data?.room || type), ['auth', 'r2', 'sync']);
  });

test('with a queue it leaves in the next session', async (t) => {
  const made = await sessionPair(t, { queue: true });
  const { fake, client, sessions } = made;
  const said = words(client);
  await client.connect();
  await client.join('r1');
  let asked;
  await blink(made, () => {
    client.send('note', 1);
    client.leave('r1');
    asked = client.request('note', 2);
    sessions.lose();
  });
  assert.equal(await asked, 2);
  assert.deepEqual(notes(fake.conn), [1, 2]);
  assert.equal(fake.conn.heard('leave').length, 0, 'a new session is in none');
  assert.deepEqual(said, []);
});

test('what waited behind what was sent again has not left', async (t) => {
  const made = await sessionPair(t, { facts: slow });
  const { fake, clock, client, sessions } = made;
  const said = words(client);
  await client.connect();
  fake.conn.socket._socket.pause();
  for (let i = 0; i < 20; i++) client.send('note', i);
  await blink(made);
  assert.equal(client.send('note', 20), true, 'behind them');
  const asked = client.request('note', 21);
  asked.catch(() => {});
  clock.advance(300);
  sessions.lose();
  await blink(made);
  await assert.rejects(asked, { code: 'DISCONNECTED', sent: false });
  assert.deepEqual(said, [...unsure(...Array(20).keys()), ...dropped(20, 21)]);
});

test('nothing is refused for what is sent again, but that has a limit, too',
  async (t) => {
    for (const queue of [undefined, false]) {
      const made = await sessionPair(t, { facts: slow, queue });
      const { fake, clock, client } = made;
      await client.connect();
      fake.conn.socket._socket.pause();
      for (let i = 0; i < 20; i++) client.send('note', i);
      await blink(made);
      for (let i = 20; i < 84; i++) assert.ok(client.send('note', i), `${i}`);
      assert.equal(client.send('note', 84), false);
      for (let i = 0; i < 20; i++) clock.advance(1000);
      await fake.until(() => notes(fake.conn).length === 84);
      assert.deepEqual(notes(fake.conn), [...Array(84).keys()]);
    }
  });

test('a leave makes no room for more than may wait', async (t) => {
  const { fake, client } = await sessionPair(t);
  await client.connect();
  await client.join('r1');
  fake.cut();
  await reach(client, 'waiting');
  for (let i = 0; i < 64; i++) assert.equal(client.send('note', i), true);
  client.leave('r1');
  assert.equal(client.send('note', 64), false);
  await assert.rejects(client.request('note'), { code: 'QUEUE_FULL' });
  assert.equal(client.queued.length, 64);
});

test('a message that waits behind a leave can be taken back', async (t) => {
  const made = await sessionPair(t);
  const { fake, clock, client } = made;
  await client.connect();
  await client.join('r1');
  let [late, cleared, left] = [];
  await blink(made, async () => {
    late = client.request('note', 1, { timeout: 100 });
    late.catch(() => {});
    cleared = client.request('note', 2);
    cleared.catch(() => {});
    left = client.leave('r1');
    clock.advance(100);
    assert.deepEqual(client.clearQueue(), [{ type: 'note', data: 2 }]);
  });
  await assert.rejects(late, { code: 'TIMEOUT', sent: false });
  await assert.rejects(cleared, { code: 'ABORTED', sent: false });
  await left;
  await client.request('sync');
  assert.deepEqual(fake.conn.received.map(({ type }) => type),
    ['auth', 'leave', 'sync']);
});

test('a ping that waits behind a leave is sent', async (t) => {
  const made = await sessionPair(t);
  await made.client.connect();
  await made.client.join('r1');
  let asked;
  await blink(made, () => {
    asked = made.client.request('ping', undefined, { timeout: 0 });
    made.client.leave('r1');
  });
  await asked;
});

test('who leaves when the session is probably over gives it up', async (t) => {
  const made = await sessionPair(t, { minDelay: 40000, maxDelay: 1e5 });
  const { fake, clock, client } = made;
  const said = words(client);
  await client.connect();
  await client.join('r1');
  await client.join('r2');
  const lost = next(client, 'session_lost');
  await blink(made, async () => {
    client.send('note', 1);
    clock.advance(30000);
    await client.leave('r1');
    assert.equal(client.send('note', 2), false);
  });
  await lost;
  await client.request('sync');
  assert.deepEqual(fake.conn.heard('auth')[0].data.session, {});
  assert.deepEqual(fake.conn.heard('join').map(({ data }) => data.room), ['r2']);
  assert.deepEqual(said, dropped(1));
});

test('a leave keeps its turn among what waits for the pace', async (t) => {
  const { fake, clock, client } = await pair(t, { queue: true, manners: {
    auth: (conn) => conn.welcome(slow) } });
  await client.connect();
  await client.join('r1');
  for (let i = 0; i < 20; i++) client.send('note', i);
  const left = client.leave('r1');
  const again = client.join('r1');
  client.send('note', 20);
  for (let i = 0; i < 5; i++) clock.advance(1000);
  await Promise.all([left, again]);
  await fake.until(() => notes(fake.conn).length === 21);
  assert.deepEqual(fake.conn.received.slice(-4).map(({ type, data }) =>
    data?.room ? type : data), [19, 'leave', 'join', 20]);
});

test('only what has no known fate is called unsure', async (t) => {
  const made = await sessionPair(t, { manners: hold });
  const { fake, client, sessions } = made;
  const said = words(client);
  await client.connect();
  client.send('note', 'arrived: what came later was answered');
  client.join('r1').catch(() => {});
  await client.request('note', 'answered');
  client.request('slow', 'asked').catch(() => {});
  const late = client.request('slow', 'timed out', { timeout: 100 });
  made.clock.advance(100);
  await assert.rejects(late, { code: 'TIMEOUT', sent: true });
  await fake.until(() => fake.conn.heard('slow').length === 2);
  fake.conn.send('reply', 1, fake.conn.heard('slow')[1].id);
  await client.request('sync');
  client.send('note', 'sent');
  client.leave('r1');
  await blink(made, () => sessions.lose());
  await client.request('sync');
  assert.deepEqual(said, unsure('asked', 'sent'));
});

test('what was refused and would have been sent again has not arrived',
  async (t) => {
    const early = { note: (conn, { id }) => conn.error(id, 'RATE_LIMITED',
      { retry: true, retry_after_ms: 5000 }) };
    for (const made of [pair, sessionPair]) {
      const all = await made(t, { queue: true, manners: early });
      const { client, sessions } = all;
      const said = words(client);
      client.send('note', 1);
      await client.connect();
      await client.request('sync');
      await blink(all, () => sessions?.lose());
      await settle();
      assert.deepEqual(said, dropped(1), made.name);
    }
  });

test('a server that closes for good leaves nothing unsaid', async (t) => {
  const { fake, client } = await sessionPair(t);
  const said = words(client);
  await client.connect();
  client.send('note', 1);
  await fake.until(() => fake.conn.heard('note').length);
  fake.conn.close(4502, 'kicked');
  await reach(client, 'closed');
  assert.deepEqual(said, unsure(1));
});

test('so does a token that is refused when the session would go on',
  async (t) => {
    let token = 'good';
    const { fake, clock, client } = await sessionPair(t,
      { tokenGetter: () => token, queue: true });
    const said = words(client);
    await client.connect();
    client.send('note', 1);
    fake.cut();
    const { nextAttemptAt } = await reach(client, 'waiting');
    const asked = client.request('note', 2);
    const joined = client.join('r1');
    token = null; // nobody is logged in any more
    clock.advance(nextAttemptAt - clock.now());
    await reach(client, 'closed');
    await assert.rejects(asked, { code: 'CLOSED', sent: false });
    await assert.rejects(joined, { code: 'NO_TOKEN' });
    assert.deepEqual(said, [...unsure(1), ...dropped(2)]);
  });

test('what is sent is what it was then, whatever became of it', async (t) => {
  const { fake, client } = await pair(t, { queue: true });
  const data = { n: 1 };
  client.send('note', data);
  data.n = 5n;
  await client.connect();
  await fake.until(() => fake.conn.heard('note').length);
  assert.deepEqual(notes(fake.conn), [{ n: 1 }]);
});

test('what cannot be sent is a mistake that leaves no trace', async (t) => {
  const { client } = await pair(t);
  assert.throws(() => client.join('r1', { n: 1n }), TypeError);
  assert.throws(() => client.join(1n), TypeError);
  assert.deepEqual(client.rooms, []);
  await client.connect();
  assert.deepEqual(await client.join('r1'), { room: 'r1' });
});
