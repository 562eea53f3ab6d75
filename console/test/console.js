// SPDX-License-Identifier: MIT
// What the page tests need: the real server with a console, pages of a real
// browser that typed and clicked, axe, and clients that talk.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import axe from 'axe-core';
import { useBrowser } from '../../client/test/browser.js';
import { Server, token } from '../../client/test/server.js';
import { open as openClient } from '../../client/test/kit.js';

export const here = (path) => fileURLToPath(new URL(path, import.meta.url));
export { token };

export const BIN = process.env.PERIGEE_BIN || here('../../build/perigee');
const SHOTS = process.env.SHOTS; // a folder for pictures of the pages
const run = promisify(execFile);

export const KEY = 'an-example-key-for-the-console-of-tests-1';

const browser = useBrowser();

/** A server with a console; `admin` is where. */
export async function serve(t, options = {}) {
  return Server.start(t, { scripts: here('../../scripts'),
    'admin.listen': '127.0.0.1:0', 'api.keys': `ops:${KEY}`,
    'shutdown.drain_s': 0.1, ...options });
}

/** A Redis of one's own; returns its URL. */
export async function redis(t) {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const child = spawn('redis-server', ['--port', '0', '--save', '', '--dir',
    folder, '--unixsocket', join(folder, 'sock')],
  { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
    await rm(folder, { recursive: true });
  });
  let said = '';
  for await (const part of child.stdout) {
    said += part;
    if (/ready to accept connections/i.test(said)) break;
  }
  return `unix://${folder}/sock`;
}

/** What `perigee console` prints. */
export async function link({ admin }, key = KEY) {
  const { stdout } = await run(BIN, ['console',
    `--admin=${admin.replace('http://', '')}`, `--api.keys=ops:${key}`]);
  return stdout.trim();
}

/** A page of a context of its own; any error on it, and any request to another
 * host, is a failure. */
export async function open(t, server, options = {}) {
  const context = await browser().newContext({ viewport: { width: 1280,
    height: 860 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.on('pageerror', (error) => assert.fail(error));
  page.on('console', (said) => {
    if (/Content.Security.Policy/i.test(said.text())) assert.fail(said.text());
  });
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol !== 'blob:') assert.equal(host, new URL(server.admin).host);
  });
  return page;
}

/** The same, and in the console. */
export async function enter(t, server, options, key) {
  const page = await open(t, server, options);
  await page.goto(await link(server, key));
  await page.waitForSelector('h1:text("Now")');
  return page;
}

/** A client of the server. */
export async function connect(t, server, user) {
  const client = openClient(t, server.url, { token: token(user) });
  await client.connect();
  return client;
}

/** No violation of the rules of accessibility, in light and dark. */
export async function isAccessible(page) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' }); // no
    await page.evaluate(axe.source); // colours that are still on their way
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) => [id,
      ...nodes.map((node) => `${node.html} ${node.failureSummary}`)]), []);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

/** Pictures of the page, where SHOTS says: for people to look at. */
export async function shoot(page, name) {
  if (!SHOTS) return;
  await mkdir(SHOTS, { recursive: true });
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.waitForTimeout(400);
    await page.screenshot({ path: `${SHOTS}/${name}-${colorScheme}.png` });
  }
  await page.emulateMedia({ colorScheme: 'light' });
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForTimeout(400);
  await page.screenshot({ path: `${SHOTS}/${name}-phone.png`, fullPage: true });
  await page.setViewportSize(size);
}
