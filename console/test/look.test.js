// SPDX-License-Identifier: MIT
// The view Look: from the list of rooms to a user who is closed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, enter, isAccessible, serve, shoot } from './console.js';

const follow = (page, title) => page.click(`nav >> text="${title}"`);

test('one looks for a room, its people, and what was said', async (t) => {
  const server = await serve(t);
  const page = await enter(t, server);
  await follow(page, 'Look');
  await page.waitForSelector('text=No room has members.');
  await shoot(page, 'look-empty');
  const alice = await connect(t, server, 'alice');
  const bob = await connect(t, server, 'bob');
  for (const client of [alice, bob]) {
    await client.join('lobby');
    await client.join('kitchen');
  }
  for (const text of ['Good morning', 'Is anybody here?']) {
    await alice.request('chat.send', { room: 'lobby', text });
  }
  await page.waitForSelector('tbody a:text-is("lobby")');
  await shoot(page, 'look');
  await isAccessible(page);
  await page.fill('label:has-text("Begins with") input', 'kit');
  await page.waitForSelector('tbody a:text-is("lobby")', { state: 'detached' });
  await page.check('input[value=room]', { force: true });
  await page.focus('input[name=name]');
  await page.keyboard.type('lobby');
  await page.keyboard.press('Enter');
  await page.waitForSelector('h1:text-is("lobby")');
  await page.waitForSelector('.pill:has-text("2 users, 2 connections")');
  await page.waitForSelector('.messages pre:has-text("Is anybody here?")');
  assert.equal(await page.locator('.messages li').count(), 2);
  await shoot(page, 'look-room');
  await isAccessible(page);
  await page.click('.members a:text-is("alice")');
  await page.waitForSelector('h1:text-is("alice")');
  await page.waitForSelector('.device');
  await shoot(page, 'look-user');
  await isAccessible(page);
});

test('one looks at a connection by its number, to its end', async (t) => {
  const server = await serve(t);
  const page = await enter(t, server);
  const alice = await connect(t, server, 'alice');
  await alice.join('lobby');
  await follow(page, 'Look');
  await page.check('input[value=conn]', { force: true });
  await page.fill('input[name=name]', 'alice');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=alert]:has-text("has a number")');
  await page.fill('input[name=name]', '1');
  await page.keyboard.press('Enter');
  await page.waitForSelector('h1:text-is("Connection 1")');
  await page.waitForSelector('.lead a:text-is("alice")');
  await page.waitForSelector('.device .chip:text-is("lobby")');
  await shoot(page, 'look-connection');
  await isAccessible(page);
  const close = page.locator('.device button.danger');
  await close.click();
  await close.click();
  await page.waitForSelector('[role=status]:has-text("Closed.")');
  await page.waitForSelector('.teach:has-text("No connection with this number")');
  await shoot(page, 'look-connection-gone');
  await isAccessible(page);
});

test('one sends to a user, and closes a connection', async (t) => {
  const server = await serve(t);
  const page = await enter(t, server);
  const alice = await connect(t, server, 'alice');
  await page.evaluate(() => { location.hash = '#/look/user/alice'; });
  const heard = new Promise((resolve) => alice.once('notify', resolve));
  await page.focus('input[name=type]');
  await page.keyboard.type('notify');
  await page.focus('textarea[name=data]');
  await page.keyboard.type('{"text":');
  await page.click('text="Send to alice"');
  await page.waitForSelector('.said.bad:has-text("not JSON")');
  await page.focus('textarea[name=data]');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('{"text":"Hello"}');
  await page.click('text="Send to alice"');
  await page.waitForSelector('.said:has-text("Sent to 1 connection.")');
  assert.deepEqual(await heard, { text: 'Hello' });
  const closed = new Promise((resolve) => alice.onStateChange(({ state }) =>
    state === 'closed' && resolve()));
  await page.click('.device button');
  await page.click('.device button:has-text("Really?")');
  await closed;
  await page.waitForSelector('.said:has-text("Closed 1 connection.")');
  await page.waitForSelector('.pill:text-is("offline")');
  await shoot(page, 'look-offline');
});

test('a key that may not is told so', async (t) => {
  const key = 'an-example-key-that-may-only-admin-000000';
  const server = await serve(t, { 'api.keys': `ops:admin:${key}` });
  const page = await enter(t, server, {}, key);
  await follow(page, 'Look');
  await page.waitForSelector('[role=alert]:has-text("may not `read`")');
});
