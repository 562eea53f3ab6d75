// SPDX-License-Identifier: MIT
// Rooms with a history: positions, what was missed, and what cannot be had.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blink, next, pair, reach, settle } from './kit.js';
import { sessionPair } from './sessions.js';

/** A room's messages on the server; numbers are their data, too. */
class History {
  constructor(epoch, seq) {
    Object.assign(this, { epoch, seq, first: 1 });
  }

  push(conn, seq, room = 'r1') {
    this.seq = Math.max(this.seq, seq);
    conn.tell({ type: 'news', room, seq, data: seq });
  }

  /** What a server says to a `join`. */
  join = (conn, { id, data: { since } }) => {
    const { epoch, seq } = this;
    if (!since) return conn.send('reply', { epoch, seq }, id);
    const from = since.last ? seq - since.last : since.seq;
    const recovered = Boolean(since.last) || since.epoch === epoch;
    for (let n = from + 1; recovered && n <= seq; n++) this.push(conn, n);
    return conn.send('reply', { epoch, seq, recovered }, id);
  };

  /** What it says to a `history`. */
  read = (conn, { id, data: { after, limit } }) => {
    const from = Math.max(after + 1, this.first);
    const to = Math.min(this.seq, from + limit - 1);
    const messages = [];
    for (let seq = from; seq <= to; seq++) {
      messages.push({ seq, type: 'news', data: seq, at: 1 });
    }
    conn.send('reply', { epoch: this.epoch, messages, more: to < this.seq }, id);
  };
}

/** A client in r1, which is at message 41 of epoch x. */
async function inRoom(t, hello, made = pair) {
  const history = new History('x', 41);
  const all = await made(t, { manners: { join: history.join,
    history: history.read } });
  const { client } = all;
  const heard = [];
  const gaps = [];
  client.on('news', (n) => heard.push(n));
  client.on('gap', (gap, { room }) => gaps.push([room, gap]));
  await client.connect();
  await client.join('r1', hello);
  return { ...all, history, heard, gaps };
}

async function lose({ fake, clock, client, sessions }, meanwhile) {
  sessions?.lose();
  fake.cut();
  const { nextAttemptAt } = await reach(client, 'waiting');
  meanwhile();
  clock.advance(nextAttemptAt - clock.now());
  await reach(client, 'ready');
  await client.request('sync');
}

const joins = (fake) => fake.conn.heard('join').map(({ data }) => data);

for (const made of [pair, sessionPair]) {
  test(`a room is joined again where it was left (${made.name})`, async (t) => {
    const all = await inRoom(t, { as: 'alice' }, made);
    const { fake, client, history, heard, gaps } = all;
    history.push(fake.conn, 42);
    await next(client, 'news');
    await lose(all, () => (history.seq = 45));
    assert.deepEqual(joins(fake), [{ room: 'r1', as: 'alice',
      since: { epoch: 'x', seq: 42 } }]);
    history.push(fake.conn, 46);
    await next(client, 'news');
    assert.deepEqual(heard, [42, 43, 44, 45, 46]);
    assert.deepEqual(gaps, []);
  });
}

test('a history that is lost is a gap, and the place to go on from',
  async (t) => {
    const all = await inRoom(t);
    const { fake, history, gaps, heard } = all;
    await lose(all, () => Object.assign(history, { epoch: 'y', seq: 7 }));
    assert.deepEqual(gaps, [['r1', { epoch: 'y', seq: 7,
      since: { epoch: 'x', seq: 41 } }]]);
    assert.deepEqual(heard, []);
    await lose(all, () => (history.seq = 9));
    assert.deepEqual(joins(fake)[0].since, { epoch: 'y', seq: 7 });
    assert.deepEqual(heard, [8, 9]);
  });

test('a push of the new counting may come before the answer', async (t) => {
  const all = await inRoom(t);
  const { fake, history, heard } = all;
  fake.manners.join = (conn, { id }) => {
    history.push(conn, 3);
    conn.send('reply', { epoch: 'y', seq: 2, recovered: false }, id);
  };
  await lose(all, () => {});
  await lose(all, () => {});
  assert.deepEqual(joins(fake)[0].since, { epoch: 'y', seq: 3 });
  assert.deepEqual(heard, [3, 3]);
});

test('the newest messages may be asked for, once', async (t) => {
  const all = await inRoom(t, { since: { last: 2 } });
  const { fake, history, heard } = all;
  assert.deepEqual(heard, [40, 41]);
  await lose(all, () => (history.seq = 43));
  assert.deepEqual(joins(fake)[0].since, { epoch: 'x', seq: 41 });
  assert.deepEqual(heard, [40, 41, 42, 43]);
});

test('what an early answer announced is asked for again', async (t) => {
  const { fake, clock, client } = await pair(t, { manners: {
    join: (conn, { id }) => conn.send('reply',
      { epoch: 'x', seq: 41, recovered: true }, id) } });
  await client.connect();
  await client.join('r1', { since: { last: 2 } });
  await lose({ fake, clock, client }, () => {});
  assert.deepEqual(joins(fake)[0].since, { epoch: 'x', seq: 39 });
});

test('a room that was left, or that a script took away, begins anew',
  async (t) => {
    const { fake, client } = await inRoom(t);
    await client.leave('r1');
    await client.join('r1');
    fake.conn.tell({ type: 'left', room: 'r1' });
    await next(client, 'left');
    await client.join('r1');
    assert.deepEqual(joins(fake).map(({ since }) => since),
      [undefined, undefined, undefined]);
  });

test('who is in a room and asks with other data asks for no repeats',
  async (t) => {
    const { fake, client, heard } = await inRoom(t, { since: { last: 1 } });
    await client.join('r1', { since: { last: 1 }, as: 'bob' });
    assert.deepEqual(joins(fake)[1], { room: 'r1', as: 'bob' });
    assert.deepEqual(heard, [41]);
  });

test('what a resync left out is fetched, and comes in its order',
  async (t) => {
    const all = await inRoom(t);
    const { fake, client, history, heard, gaps } = all;
    const { conn } = fake;
    fake.manners.history = (_, message) => {
      if (heard.length === 0) history.push(conn, 351); // meanwhile
      history.read(conn, message);
    };
    history.seq = 350;
    conn.tell({ type: 'resync', room: 'r1', data: { epoch: 'x', seq: 350 } });
    await fake.until(() => conn.heard('history').length === 4);
    await client.request('sync');
    history.push(conn, 352);
    await next(client, 'news');
    assert.deepEqual(heard, Array.from({ length: 311 }, (_, i) => i + 42));
    assert.deepEqual(gaps, []);
  });

test('what a resync left out and nobody kept is a gap', async (t) => {
  const { fake, client, history, heard, gaps } = await inRoom(t);
  Object.assign(history, { seq: 60, first: 50 });
  const tell = (epoch, seq) => fake.conn.tell(
    { type: 'resync', room: 'r1', data: { epoch, seq } });
  tell('x', 60);
  await fake.until(() => fake.conn.heard('history').length);
  await client.request('sync');
  assert.deepEqual(heard, Array.from({ length: 11 }, (_, i) => i + 50));
  assert.deepEqual(gaps.splice(0), [['r1', { epoch: 'x', seq: 49,
    since: { epoch: 'x', seq: 41 } }]]);

  tell('y', 5); // the history was forgotten
  await client.request('sync');
  assert.deepEqual(gaps.splice(0), [['r1', { epoch: 'y', seq: 5,
    since: { epoch: 'x', seq: 60 } }]]);
  history.push(fake.conn, 6);
  await next(client, 'news');

  fake.manners.history = (conn, { id }) => conn.error(id, 'FORBIDDEN');
  tell('y', 9);
  const { since } = await next(client, 'gap');
  assert.deepEqual(since, { epoch: 'y', seq: 6 });
  history.push(fake.conn, 10);
  assert.equal(await next(client, 'news'), 10);
});

test('a room of the scripts is caught up when they join it again',
  async (t) => {
    const all = await inRoom(t);
    const { fake, client, history, heard } = all;
    const put = (seq) => fake.conn.tell({ type: 'joined', room: '~all',
      data: { epoch: 'x', seq } });
    put(41);
    await next(client, 'joined');
    await client.leave('r1');
    await lose(all, () => (history.seq = 44));
    put(44);
    await fake.until(() => fake.conn.heard('history').length);
    await client.request('sync');
    assert.deepEqual(heard, [42, 43, 44]);
    assert.equal(fake.conn.heard('join').length, 0);
  });

test('a room of the scripts cannot be left, so it stays in the list',
  async (t) => {
    const { fake, client } = await pair(t, { manners: {
      leave: (conn, { id }) => conn.error(id, 'FORBIDDEN') } });
    await client.connect();
    fake.conn.tell({ type: 'joined', room: '~team' });
    await next(client, 'joined');
    await assert.rejects(client.leave('~team'), { code: 'FORBIDDEN' });
    assert.equal(client.room('~team').state, 'joined');
    fake.conn.tell({ type: 'left', room: '~team' });
    await next(client, 'left');
    assert.deepEqual(client.rooms, []);
  });

test('of a server that lets one leave it, it can be left', async (t) => {
  const { client } = await pair(t);
  await client.connect();
  await client.join('~mine');
  await client.leave('~mine');
  assert.deepEqual(client.rooms, []);
});

const resync = (fake, history, seq) => {
  history.seq = seq;
  fake.conn.tell({ type: 'resync', room: 'r1',
    data: { epoch: history.epoch, seq } });
};

/** Answers the first questions for a history with these codes. */
const busy = (history, codes) => (conn, message) => {
  const code = codes.shift();
  if (!code) return history.read(conn, message);
  return conn.error(message.id, code, { retry: true, retry_after_ms: 100 });
};

test('a server that is busy is asked for the history again', async (t) => {
  const { fake, clock, client, history, heard, gaps } = await inRoom(t);
  const codes = ['RATE_LIMITED', 'OVERLOADED', 'HANDLER_TIMEOUT'];
  fake.manners.history = busy(history, codes);
  resync(fake, history, 44);
  for (let i = 1; i <= 4; i++) {
    await fake.until(() => fake.conn.heard('history').length === i);
    await client.request('sync');
    await settle();
    clock.advance(100);
  }
  await client.request('sync');
  assert.deepEqual(heard, [42, 43, 44]);
  assert.deepEqual(gaps, []);
});

test('so is one that is silent', async (t) => {
  const { fake, clock, client, history, heard, gaps } = await inRoom(t);
  fake.manners.history = () => {};
  resync(fake, history, 44);
  await fake.until(() => fake.conn.heard('history').length === 1);
  fake.manners.history = history.read;
  clock.advance(10000);
  await settle();
  clock.advance(1000);
  await fake.until(() => fake.conn.heard('history').length === 2);
  await client.request('sync');
  assert.deepEqual([heard, gaps], [[42, 43, 44], []]);
});

test('what the application does with its queue does not matter to it',
  async (t) => {
    const all = await inRoom(t, undefined, sessionPair);
    const { fake, clock, client, history, heard, gaps } = all;
    fake.manners.history = busy(history, ['RATE_LIMITED']);
    resync(fake, history, 44);
    await fake.until(() => fake.conn.heard('history').length);
    await client.request('sync');
    await blink(all, async () => {
      for (let i = 0; i < 64; i++) assert.ok(client.send('note'));
      clock.advance(100); // now it would be asked again
      await settle();
      client.clearQueue();
    });
    await fake.until(() => fake.conn.heard('history').length);
    await client.request('sync');
    assert.deepEqual([heard, gaps], [[42, 43, 44], []]);
  });

test('nor does a history come twice that a session goes on with', async (t) => {
  const all = await inRoom(t, undefined, sessionPair);
  const { fake, clock, client, history, heard } = all;
  let answer;
  fake.manners.join = (conn, message) => {
    answer = () => history.join(conn, message);
  };
  const joined = client.join('r2', { since: { last: 2 } });
  await fake.until(() => answer);
  await blink({ ...all, client }, async () => {
    clock.advance(20000); // longer than a request may take
    await settle();
  });
  answer();
  await joined;
  await client.request('sync');
  assert.equal(fake.conns.flatMap((conn) => conn.heard('join'))
    .filter(({ data }) => data.room === 'r2').length, 1);
  assert.equal(new Set(heard).size, heard.length);
});

test('a page that is none says that nothing is to be had', async (t) => {
  const { fake, client, history, gaps } = await inRoom(t);
  fake.manners.history = (conn, { id }) => conn.send('reply', null, id);
  resync(fake, history, 44);
  await next(client, 'gap');
  assert.equal(gaps.length, 1);
});
