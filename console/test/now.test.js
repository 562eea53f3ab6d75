// SPDX-License-Identifier: MIT
// The door, and the view Now.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEY, connect, enter, isAccessible, link, open, serve, shoot }
  from './console.js';

const tile = (page, name) =>
  page.locator(`.tile:has(dt:text-is("${name}")) b`);

test('a link opens the console, once', async (t) => {
  const server = await serve(t);
  const url = await link(server);
  const page = await open(t, server);
  await page.goto(url);
  await page.waitForSelector('h1:text("Now")');
  assert.ok(!page.url().includes('link'), 'the secret is out of the address');
  const other = await open(t, server);
  await other.goto(url);
  await other.waitForSelector('[role=alert]:has-text("this link was used")');
  await page.reload();
  await page.waitForSelector('h1:text("Now")');
});

test('a key opens it, a wrong one does not', async (t) => {
  const server = await serve(t);
  const page = await open(t, server);
  await page.goto(server.admin);
  await shoot(page, 'door');
  await isAccessible(page);
  await page.keyboard.type('not-a-key-of-this-server-but-a-long-one'); // has focus
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=alert]:has-text("none of the keys")');
  await page.fill('#key', '');
  await page.keyboard.type(KEY);
  await page.keyboard.press('Enter');
  await page.waitForSelector('h1:text("Now")');
  const [cookie] = await page.context().cookies();
  assert.ok(cookie.httpOnly);
  assert.equal(cookie.sameSite, 'Strict');
  assert.ok(!(await page.evaluate(() => document.cookie)));
  await page.click('text="Leave"');
  await page.waitForSelector('#key');
  assert.equal((await page.context().cookies()).length, 0);
  await page.reload();
  await page.waitForSelector('#key');
});

test('a session that is over asks for a key again', async (t) => {
  const server = await serve(t, { 'console.session_s': 2 });
  const page = await enter(t, server);
  await page.waitForSelector('[role=alert]:has-text("session has ended")',
    { timeout: 10000 });
});

test('Now shows what is there', async (t) => {
  const server = await serve(t);
  const page = await enter(t, server);
  await page.waitForSelector('.teach:has-text("Nobody has connected yet")');
  await page.waitForSelector('.card:has-text("None was called.")');
  await shoot(page, 'now-empty');
  const alice = await connect(t, server, 'alice');
  const bob = await connect(t, server, 'bob');
  await alice.join('lobby');
  await bob.join('lobby');
  const talk = setInterval(() => alice.request('chat.send',
    { room: 'lobby', text: 'hello' }).catch(() => {}), 130);
  t.after(() => clearInterval(talk));
  await page.waitForFunction(() => [...document.querySelectorAll('.tile')]
    .map((it) => it.textContent).join('|').match(
      /Connections2\|Users2\|Rooms1\|Received[\d.]*[1-9]/));
  assert.equal(await tile(page, 'Generation').textContent(), '1');
  const row = page.locator('[aria-label=Handlers] tr:has-text("chat.send")');
  await row.waitFor();
  const [each, p50, p99] = await row.locator('td').allTextContents();
  assert.ok(Number(each) > 0, each);
  for (const took of [p50, p99]) assert.match(took, /^[\d.]+ (µs|ms|s)$/);
  await page.waitForSelector('.plot:has-text("How late") b:text-matches("[1-9]")');
  await alice.request('no.such', {}).catch(() => {});
  await page.waitForSelector('.troubles li:has-text("messages were refused")');
  if (process.env.SHOTS) await page.waitForTimeout(20000);
  await shoot(page, 'now');
  await isAccessible(page);
  await row.locator('a').click(); // and sees it at work
  await page.waitForSelector('h1:text-is("Trace")');
  await page.waitForSelector('.trace li:has-text("chat.send")');
});

test('nothing jumps while the first figures come', async (t) => {
  const server = await serve(t);
  const page = await enter(t, server);
  await page.waitForSelector('.tiles');
  await page.evaluate(() => {
    globalThis.shifts = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) globalThis.shifts += entry.value;
    }).observe({ type: 'layout-shift', buffered: false });
  });
  await page.waitForTimeout(3000); // three more sets of figures
  // A figure with a digit more moves its unit, a share of some 0.00001 of the
  // page; a row that comes late moves all below it, more than 0.01.
  const shifts = await page.evaluate(() => globalThis.shifts);
  assert.ok(shifts < 0.001, `${shifts} of the page has moved`);
});

test('a server that is gone is said to be, and comes back', async (t) => {
  const server = await serve(t);
  const page = await enter(t, server);
  await page.waitForSelector('.tiles');
  await server.stop('SIGKILL');
  await page.waitForSelector('.pill:has-text("no answer since")');
});
