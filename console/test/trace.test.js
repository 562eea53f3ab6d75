// SPDX-License-Identifier: MIT
// The view Trace: a user is followed, a line is found and opened.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, enter, isAccessible, serve, shoot } from './console.js';

test('a user is followed, live, until one stops', async (t) => {
  const server = await serve(t);
  const page = await enter(t, server);
  const alice = await connect(t, server, 'alice');
  await page.click('nav >> text="Trace"');
  await page.waitForSelector('text=Nothing is kept');
  await page.focus('input[name=name]');
  await page.keyboard.type('alice');
  await page.keyboard.press('Enter');
  await page.waitForSelector('text=Nothing has happened yet.');
  await alice.join('lobby');
  await alice.request('chat.send', { room: 'lobby', text: 'Hello' });
  await page.waitForSelector('.trace summary:has-text("ok in")');
  await page.waitForSelector('.trace summary:has-text("to room lobby")');
  await page.waitForSelector('.trace summary:has-text("delivery")');
  await shoot(page, 'trace');
  await isAccessible(page);
  await page.fill('input[type=search]', 'chat.message');
  await page.waitForSelector('.trace summary:has-text("ok in")',
    { state: 'detached' });
  await page.click('.trace summary >> nth=0');
  await page.waitForSelector('.trace details[open] pre:has-text("chat.message")');
  await page.click('text="Stop"');
  await page.waitForSelector('.pill:text-is("off")');
  assert.ok(await page.locator('.trace li').count() > 0);
});
