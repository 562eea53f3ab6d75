// SPDX-License-Identifier: MIT
// The chat page in a real browser, with the real server and starter scripts.

import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { useBrowser } from './browser.js';
import { open } from './kit.js';
import { Proxy } from './proxy.js';
import { Server, token } from './server.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const browser = useBrowser();

const serve = (t, options) => Server.start(t, {
  scripts: here('../../scripts'), public: here('../chat'),
  'shutdown.drain_s': 0.2, ...options });

/** A page of its own context, signed in as `name`; fails on any page error. */
async function visit(t, { url }, name, prepare = () => {}) {
  const context = await browser().newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  page.on('pageerror', (error) => assert.fail(error));
  await prepare(page);
  await page.goto(url);
  await page.focus('#name');
  await page.keyboard.type(name); // key by key: fill() would not notice
  await page.keyboard.press('Enter'); // a page that swallows them
  await online(page);
  return page;
}

const online = (page) =>
  page.waitForSelector('#status.ready', { state: 'attached' });

/** Leaves the page as a user does; closing its context would be a crash. */
const leave = (page) => page.goto('about:blank');

async function say(page, text) {
  if (text.length < 100) {
    await page.fill('#text', '');
    await page.focus('#text');
    await page.keyboard.type(text);
  } else {
    await page.fill('#text', text);
  }
  await page.press('#text', 'Enter');
}

const hears = (page, text) =>
  page.waitForSelector(`.said:not(.pending):not(.failed) >> text="${text}"`);

test('two pages talk', async (t) => {
  const server = await serve(t);
  const alice = await visit(t, server, 'alice');
  const bob = await visit(t, server, 'bob');
  await alice.waitForSelector('.note >> text="bob came in"');
  await bob.waitForSelector('#members >> text="alice"');
  await alice.fill('#text', 'H');
  await bob.waitForSelector('#typing >> text="alice is typing"');
  await say(alice, 'Hello, bob');
  await hears(bob, 'Hello, bob');
  await hears(alice, 'Hello, bob');
  assert.equal(await alice.locator('.said').count(), 1);
  await leave(bob);
  await alice.waitForSelector('.note >> text="bob left"');
});

test('a blink of the network is no more than a line in the banner',
  async (t) => {
    const server = await serve(t);
    const proxy = await Proxy.start(t, server.port);
    const alice = await visit(t, proxy, 'alice');
    const bob = open(t, server.url, { token: token('bob') });
    bob.on('presence', ({ left }) => assert.deepEqual(left, []));
    const lines = [];
    bob.on('chat.message', ({ from, text }) => lines.push(`${from}: ${text}`));
    const tell = (text) => bob.request('chat.send', { room: 'lobby', text });
    await bob.connect();
    await bob.join('lobby');
    await tell('before');
    await hears(alice, 'before');
    proxy.isOpen = false;
    proxy.cut();
    await alice.waitForSelector('#status.waiting', { state: 'attached' });
    for (const text of ['one', 'two', 'three']) await tell(text);
    await say(alice, 'from afar');
    proxy.isOpen = true;
    await alice.waitForSelector(
      '#banner >> text="3 messages while you were away"');
    await hears(alice, 'from afar');
    assert.deepEqual(await alice.locator('.bubble').allTextContents(),
      ['before', 'one', 'two', 'three', 'from afar']);
    assert.equal(lines.at(-1), 'alice: from afar');
  });

test('who comes late reads what was said, page by page', async (t) => {
  const server = await serve(t);
  const bot = open(t, server.url, { token: token('bot') });
  await bot.connect();
  await bot.join('lobby');
  for (let i = 1; i <= 51; i++) {
    await bot.request('chat.send', { room: 'lobby', text: `No ${i}` });
  }
  const alice = await visit(t, server, 'alice');
  await hears(alice, 'No 51');
  assert.equal(await alice.locator('.bubble').count(), 50);
  assert.equal(await alice.title(), 'Perigee chat', 'nothing is unread');
  await alice.click('text="Earlier"');
  await hears(alice, 'No 1');
  assert.equal(await alice.locator('.bubble').count(), 51);
  await alice.waitForSelector('text="Earlier"', { state: 'detached' });
});

test('a user is there once, with whatever devices', async (t) => {
  const server = await serve(t);
  const alice = await visit(t, server, 'alice');
  const tablet = open(t, server.url, { token: token('alice') });
  tablet.connect();
  await tablet.join('lobby');
  await alice.waitForSelector('#members >> text="2 devices"');
  assert.equal(await alice.locator('#members li').count(), 1);
});

test('a line is shown once, however it comes back', async (t) => {
  const scripts = await mkdtemp(join(tmpdir(), 'scripts-'));
  t.after(() => rm(scripts, { recursive: true }));
  await cp(here('../../scripts'), scripts, { recursive: true });
  const file = join(scripts, 'chat.lua');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('text = text,', 'text = text .. "!",'));
  const server = await serve(t, { scripts });
  const alice = await visit(t, server, 'alice');
  const bob = await visit(t, server, 'bob');
  await say(alice, ' spaces around ');
  await hears(bob, 'spaces around!');
  await say(alice, 'again');
  await hears(bob, 'again!');
  await alice.waitForSelector('.said.pending', { state: 'detached' });
  assert.deepEqual(await alice.locator('.bubble').allTextContents(),
    ['spaces around!', 'again!']);
});

test('a message elsewhere leaves a mark', async (t) => {
  const server = await serve(t);
  const alice = await visit(t, server, 'alice');
  const bob = await visit(t, server, 'bob');
  await bob.click('#rooms >> text="random"');
  await say(alice, 'In the lobby');
  await bob.waitForSelector('#rooms .unread:has-text("lobby") .badge');
  assert.equal(await bob.title(), '(1) Perigee chat');
  await bob.click('#rooms >> text="lobby"');
  await bob.waitForSelector('.new');
  assert.equal(await bob.title(), 'Perigee chat');
});

test('a direct message reaches one user', async (t) => {
  const server = await serve(t);
  const alice = await visit(t, server, 'alice');
  const bob = await visit(t, server, 'bob');
  await alice.click('#members >> text="bob"');
  await say(alice, 'Only for you');
  await bob.click('#directs >> text="alice"');
  await hears(bob, 'Only for you');
  await leave(bob);
  await alice.click('#rooms >> text="lobby"');
  await alice.waitForSelector('.note >> text="bob left"');
  await alice.click('#directs >> text="bob"');
  await say(alice, 'Still there?');
  await alice.waitForSelector('.said.failed .fate');
});

test('errors are shown where they happen', async (t) => {
  const server = await serve(t);
  const alice = await visit(t, server, 'alice');
  await say(alice, 'x'.repeat(2001));
  await alice.waitForSelector('.failed .fate >> text="Remove"');
  await alice.click('.fate >> text="Remove"');
  await alice.waitForSelector('.failed', { state: 'detached' });
  await alice.click('#rooms >> text="vip"');
  await alice.waitForSelector('.empty >> text="You are not in vip"');
  assert.equal(await alice.isVisible('#composer'), false);
});

test('the page survives a server that is killed and started', async (t) => {
  const server = await serve(t);
  const alice = await visit(t, server, 'alice');
  const bob = await visit(t, server, 'bob');
  await server.stop('SIGKILL');
  await alice.waitForSelector('#banner >> text=/next try in \\d+ s/');
  await say(alice, 'Too early');
  await server.run(); // which knows no session, so it is not sent to it
  await Promise.all([online(alice), online(bob)]);
  await alice.waitForSelector('.failed >> text="Too early"');
  await alice.click('.fate >> text="Send again"');
  await hears(bob, 'Too early');
});

test('a script that is edited is live without a reconnect', async (t) => {
  const scripts = await mkdtemp(join(tmpdir(), 'scripts-'));
  t.after(() => rm(scripts, { recursive: true }));
  await cp(here('../../scripts'), scripts, { recursive: true });
  const server = await serve(t, { scripts });
  let sockets = 0;
  const alice = await visit(t, server, 'alice', (page) =>
    page.on('websocket', () => sockets++));
  await say(alice, 'before');
  await hears(alice, 'before');
  const file = join(scripts, 'chat.lua');
  const before = await readFile(file, 'utf8');
  const edited = before.replace('text = text', 'text = text:upper()');
  assert.notEqual(edited, before);
  await writeFile(file, edited);
  for (let loud = false; !loud;) {
    await say(alice, `after ${performance.now()}`);
    await alice.waitForSelector('.said.pending', { state: 'detached' });
    loud = await alice.locator('.said >> text=/AFTER/').count() > 0;
  }
  assert.equal(sockets, 1);
});

test('a network that goes and comes', async (t) => {
  const server = await serve(t);
  const alice = await visit(t, server, 'alice');
  await alice.context().setOffline(true);
  await server.stop('SIGKILL');
  await alice.waitForSelector('#banner >> text=/You are offline/');
  await server.run();
  await alice.context().setOffline(false);
  await online(alice);
  await say(alice, 'Back');
  await hears(alice, 'Back');
});

test('a page that was asleep comes back when it wakes up', async (t) => {
  const server = await serve(t,
    { 'heartbeat.interval_s': 0.3, 'heartbeat.timeout_s': 3,
      'session.keep_s': 1 });
  const alice = await visit(t, server, 'alice');
  const bob = await visit(t, server, 'bob');
  const tab = await alice.context().newCDPSession(alice);
  await tab.send('Debugger.enable');
  await tab.send('Debugger.pause'); // no timer, no message gets through
  await bob.waitForSelector('.note >> text="alice left"');
  await tab.send('Debugger.resume');
  await bob.waitForSelector('.note >> text="alice came in"');
  await online(alice);
  await say(bob, 'There you are');
  await hears(alice, 'There you are');
});

test('a hidden tab hears everything and counts it', async (t) => {
  const server = await serve(t);
  const alice = await visit(t, server, 'alice');
  const bob = await visit(t, server, 'bob');
  const hide = (hidden) => alice.evaluate((value) => {
    const state = value ? 'hidden' : 'visible';
    for (const [key, now] of [['hidden', value], ['visibilityState', state]]) {
      Object.defineProperty(document, key, { value: now, configurable: true });
    }
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, hidden);
  await hide(true);
  await say(bob, 'Are you there?');
  await alice.waitForFunction(() => document.title.startsWith('(1)'));
  await hide(false);
  await alice.waitForFunction(() => !document.title.startsWith('('));
  await online(alice);
});

test('a token that expires is refreshed under the talk', async (t) => {
  const server = await serve(t);
  let tokens = 0;
  let sockets = 0;
  const alice = await visit(t, server, 'alice', async (page) => {
    page.on('websocket', () => sockets++);
    await page.route('**/dev/token*', (route) => {
      tokens++;
      return route.fulfill({ json: { token: token('alice', 3) } });
    });
  });
  for (let i = 0; i < 2; i++) await alice.waitForResponse('**/dev/token*');
  await say(alice, 'Still here');
  await hears(alice, 'Still here');
  assert.ok(tokens >= 3);
  assert.equal(sockets, 1);
});

test('going away and back finds the page connected', async (t) => {
  const server = await serve(t);
  const alice = await visit(t, server, 'alice');
  await alice.goto(`${server.url}/icon.svg`);
  await alice.goBack();
  await online(alice);
  await say(alice, 'Back again');
  await hears(alice, 'Back again');
});

test('a refused token leads to the door, and in again', async (t) => {
  const server = await serve(t);
  const alice = await visit(t, server, 'alice');
  await alice.route('**/dev/token*', (route) =>
    route.fulfill({ json: { token: 'nonsense' } }));
  await alice.reload();
  await alice.waitForSelector('#door-error:not(:empty)');
  await alice.unroute('**/dev/token*');
  await alice.fill('#name', 'alice');
  await alice.click('text=Come in');
  await online(alice);
});

test('the global file works in a script tag', async (t) => {
  const server = await serve(t);
  const page = await visit(t, server, 'alice');
  await page.addScriptTag({ path: here('../perigee.global.js') });
  const state = await page.evaluate(() =>
    new window.Perigee.SocketClient('/ws').getState().state);
  assert.equal(state, 'idle');
});

test('the server has the client inside', async (t) => {
  const server = await serve(t);
  const answer = await fetch(`${server.url}/perigee.js`);
  assert.match(answer.headers.get('content-type'), /javascript/);
  assert.equal(await answer.text(),
    await readFile(here('../perigee.js'), 'utf8'));
});
