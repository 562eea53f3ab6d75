// SPDX-License-Identifier: MIT
// A room that several parts of a page want, and what the server does with it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { next, pair, reach } from './kit.js';

const states = (client) => client.rooms.map(({ room, state }) =>
  `${room} ${state}`);

test('the last leave leaves', async (t) => {
  const { fake, client } = await pair(t);
  await client.connect();
  const seen = [];
  client.on('@room', ({ state }) => seen.push(state));
  const [first, second] = [client.join('r1'), client.join('r1')];
  assert.deepEqual(await first, await second);
  assert.deepEqual(await client.join('r1'), await first);
  assert.deepEqual(seen, ['joining', 'joined'], 'nobody sees the others come');
  await client.leave('r1');
  await client.leave('r1');
  await client.request('sync');
  assert.deepEqual(states(client), ['r1 joined']);
  assert.equal(fake.conn.heard('leave').length, 0);
  await client.leave('r1');
  assert.deepEqual(states(client), []);
  assert.equal(fake.conn.heard('leave').length, 1);
  assert.equal(fake.conn.heard('join').length, 1);
});

test('one may leave for all', async (t) => {
  const { fake, client } = await pair(t);
  await client.connect();
  client.join('r1');
  await client.join('r1');
  await client.leave('r1', { all: true });
  assert.deepEqual(states(client), []);
  assert.equal(fake.conn.heard('leave').length, 1);
});

test('the latest data of a join counts, whatever is under way', async (t) => {
  const held = [];
  const { fake, clock, client } = await pair(t, { manners: {
    join: (conn, message) => held.push(message) } });
  client.join('r1', { since: 1 });
  client.join('r1', { since: 2 });
  client.connect();
  await fake.until(() => held.length === 1);
  const joined = client.join('r1', { since: 3 });
  await fake.until(() => held.length === 2);
  assert.deepEqual(held.map(({ data }) => data.since), [2, 3]);
  fake.conn.send('reply', 'old', held[0].id);
  fake.conn.send('reply', 'new', held[1].id);
  assert.equal(await joined, 'new');
  assert.equal(client.rooms[0].data, 'new');

  const again = client.join('r1', { since: 4 });
  await fake.until(() => held.length === 3);
  assert.deepEqual(states(client), ['r1 joined'], 'and so it stays');
  fake.cut();
  await reach(client, 'waiting');
  clock.advance(1000);
  await fake.until(() => held.length === 4);
  fake.conn.send('reply', 'last', held[3].id);
  assert.equal(await again, 'last');
  assert.equal(held[3].data.since, 4);
});

test('a script puts the client into a room and takes it out', async (t) => {
  const { fake, clock, client } = await pair(t);
  await client.connect();
  const tell = async (type, room, data) => {
    const told = next(client, type);
    fake.conn.socket.send(JSON.stringify({ type, room, data }));
    await told;
  };
  await tell('joined', '~team', { members: 2 });
  assert.deepEqual(client.rooms, [{ room: '~team', state: 'joined',
    data: { members: 2 }, error: undefined }]);
  const seen = [];
  client.on('@room', (room) => seen.push(room));
  fake.cut();
  await reach(client, 'waiting');
  assert.deepEqual(seen.map(({ state }) => state), ['left']);
  clock.advance(1000);
  await reach(client, 'ready');
  await client.join('mine');
  await tell('joined', 'mine', 'again');
  assert.equal(client.rooms[0].data, 'again');
  await tell('left', 'mine', 'thrown out');
  assert.deepEqual(states(client), []);
  assert.deepEqual([seen.at(-1).state, seen.at(-1).data],
    ['left', 'thrown out']);
  await tell('left', 'nowhere');
  assert.deepEqual(fake.conn.heard('join').map(({ data }) => data.room),
    ['mine'], 'nobody here asked for ~team');
});

test('who was taken out still counts', async (t) => {
  const { fake, clock, client } = await pair(t);
  await client.connect();
  await client.join('r1'); // one part of the page
  fake.conn.socket.send('{"type":"left","room":"r1"}');
  await next(client, 'left');
  fake.cut();
  await reach(client, 'waiting');
  clock.advance(1000);
  await reach(client, 'ready');
  await client.request('sync');
  assert.equal(fake.conn.heard('join').length, 0);
  await client.join('r1'); // another one
  await client.leave('r1'); // the first one goes
  assert.deepEqual(states(client), ['r1 joined']);
  await client.leave('r1');
  assert.equal(fake.conn.heard('leave').length, 1);
});

test('a room that was refused may be given', async (t) => {
  const { fake, client } = await pair(t, { manners: {
    join: (conn, { id }) => conn.error(id, 'chat.members_only') } });
  await client.connect();
  await assert.rejects(client.join('vip'));
  fake.conn.socket.send('{"type":"joined","room":"vip"}');
  await next(client, 'joined');
  assert.deepEqual(states(client), ['vip joined']);
});

test('a leave that was too early is said again', async (t) => {
  let leaves = 0;
  const { fake, clock, client } = await pair(t, { manners: {
    leave: (conn, { id }) => (++leaves === 1
      ? conn.error(id, 'RATE_LIMITED', { retry: true, retry_after_ms: 200 })
      : conn.send('reply', null, id)) } });
  await client.connect();
  await client.join('r1');
  const left = client.leave('r1');
  await fake.until(() => leaves === 1);
  await client.request('sync');
  clock.advance(200);
  await left;
  assert.equal(leaves, 2);
});

test('unless the room was joined again meanwhile', async (t) => {
  let leaves = 0;
  const { fake, clock, client } = await pair(t, { manners: {
    leave: (conn, { id }) => conn.error(id, 'RATE_LIMITED',
      { retry: true, retry_after_ms: 200 + ++leaves }) } });
  await client.connect();
  await client.join('r1');
  const left = client.leave('r1');
  await fake.until(() => leaves === 1);
  await client.request('sync');
  const joined = client.join('r1');
  clock.advance(2000);
  await Promise.all([left, joined]);
  await client.request('sync');
  assert.equal(leaves, 1);
  assert.deepEqual(states(client), ['r1 joined']);
});

/** Answers the first `leave`s with these codes, and then as the rest does. */
const refusing = (codes, rest) => ({ leave: (conn, message) => {
  const code = codes.shift();
  if (code) {
    conn.error(message.id, code, { retry: true, retry_after_ms: 200 });
  } else rest(conn, message);
} });

const taken = (conn, { id }) => conn.send('reply', null, id);
const forbidden = (conn, { id }) => conn.error(id, 'FORBIDDEN');

for (const [what, end] of Object.entries({
  'is cut': ({ fake }) => fake.cut(),
  'is closed': ({ client }) => client.close(),
})) {
  test(`a leave that was too early ends when the connection ${what}`,
    async (t) => {
      const made = await pair(t, { manners: refusing(['RATE_LIMITED'], taken) });
      const { fake, client } = made;
      await client.connect();
      await client.join('r1');
      const left = client.leave('r1');
      await fake.until(() => fake.conn.heard('leave').length);
      await client.request('sync');
      end(made);
      await left;
    });
}

test('each of several leaves ends, and a join between them', async (t) => {
  const early = ['RATE_LIMITED', 'OVERLOADED', 'RATE_LIMITED'];
  let joins = 0;
  const { fake, clock, client } = await pair(t, { manners: {
    ...refusing(early, taken),
    join: (conn, { id }) => (joins++ % 2
      ? conn.error(id, 'RATE_LIMITED', { retry: true, retry_after_ms: 200 })
      : conn.send('reply', null, id)) } });
  await client.connect();
  await client.join('r1');
  const all = [client.leave('r1'), client.leave('r1')];
  await fake.until(() => early.length === 1);
  await client.request('sync');
  const joined = client.join('r1');
  for (let i = 0; i < 3; i++) {
    clock.advance(200);
    await client.request('sync');
  }
  await joined;
  all.push(client.leave('r1'));
  await client.request('sync');
  clock.advance(200);
  await Promise.all(all);
  assert.deepEqual(states(client), []);
});

test('a room of the scripts is kept, however often it is left', async (t) => {
  const { fake, clock, client } = await pair(t,
    { manners: refusing(['RATE_LIMITED'], forbidden) });
  await client.connect();
  fake.conn.tell({ type: 'joined', room: '~x' });
  await next(client, 'joined');
  const left = client.leave('~x');
  await client.request('sync');
  assert.deepEqual(states(client), ['~x joined']);
  clock.advance(200);
  await assert.rejects(left, { code: 'FORBIDDEN' });
  assert.deepEqual(states(client), ['~x joined']);
});

test('nor does a join that they do not allow take it away', async (t) => {
  const held = [];
  const { fake, client } = await pair(t, { manners: { leave: forbidden,
    join: (conn, message) => held.push(message) } });
  await client.connect();
  const joined = client.join('~x');
  fake.conn.tell({ type: 'joined', room: '~x', data: 'theirs' });
  assert.equal(await joined, 'theirs');
  await fake.until(() => held.length);
  fake.conn.error(held[0].id, 'FORBIDDEN');
  await client.request('sync');
  assert.deepEqual(states(client), ['~x joined']);
  await assert.rejects(client.leave('~x'), { code: 'FORBIDDEN' });
  assert.deepEqual(states(client), ['~x joined']);
});

test('who is in a room stays in it when other data is refused', async (t) => {
  const { fake, clock, client } = await pair(t, { manners: {
    join: (conn, { id, data }) => (data.as === 'admin'
      ? conn.error(id, 'chat.no') : conn.send('reply', data.as, id)) } });
  await client.connect();
  await client.join('r1', { as: 'alice' });
  await assert.rejects(client.join('r1', { as: 'admin' }), { code: 'chat.no' });
  const { state, data, error } = client.rooms[0];
  assert.deepEqual([state, data, error.code], ['joined', 'alice', 'chat.no']);
  assert.equal(await client.join('r1'), 'alice');
  await assert.rejects(client.join('r1', { as: 'admin' }), { code: 'chat.no' });
  fake.cut();
  await reach(client, 'waiting');
  clock.advance(1000);
  await reach(client, 'ready');
  await client.join('r1');
  assert.deepEqual(fake.conn.heard('join').map((one) => one.data.as), ['alice']);
});

test('who was taken out while other data was asked for is out', async (t) => {
  const held = [];
  const { fake, client } = await pair(t, { manners: {
    join: (conn, message) => held.push(message) } });
  await client.connect();
  const first = client.join('r1');
  await fake.until(() => held.length === 1);
  fake.conn.send('reply', 'in', held[0].id);
  await first;
  const second = client.join('r1', { as: 'admin' });
  await fake.until(() => held.length === 2);
  fake.conn.tell({ type: 'left', room: 'r1' });
  await next(client, 'left');
  assert.deepEqual(states(client), ['r1 joining']);
  fake.conn.error(held[1].id, 'chat.no');
  await assert.rejects(second, { code: 'chat.no' });
  assert.deepEqual(states(client), ['r1 refused']);
});

for (const isWanted of [false, true]) {
  test(`a script's join that crosses our leave does not count (${
    isWanted ? 'and' : 'unless'} we join again)`, async (t) => {
    const { fake, client } = await pair(t, { manners: { leave() {} } });
    await client.connect();
    await client.join('r1');
    const left = client.leave('r1');
    await fake.until(() => fake.conn.heard('leave').length);
    fake.conn.tell({ type: 'joined', room: 'r1', data: 'crossing' });
    await next(client, 'joined');
    if (isWanted) client.join('r1');
    fake.conn.send('reply', null, fake.conn.heard('leave')[0].id);
    await left;
    await client.request('sync');
    assert.deepEqual(states(client), isWanted ? ['r1 joined'] : []);
    assert.equal(fake.conn.heard('join').length, isWanted ? 2 : 1);
  });
}
