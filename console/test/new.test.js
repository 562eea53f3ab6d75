// SPDX-License-Identifier: MIT
// What a newcomer does: a new project, the server, its page, and a look at what
// was said there, with the commands that the program prints.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { BIN, isAccessible, open, shoot } from './console.js';

const run = promisify(execFile);

test('three commands to a look at the trace of a request', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'perigee-new-'));
  t.after(() => rm(folder, { recursive: true }));
  const { stdout } = await run(BIN, ['new', 'shop'], { cwd: folder }); // one
  assert.match(stdout, /perigee dev .*\n *perigee console /);
  const cwd = join(folder, 'shop');
  const server = spawn(BIN, ['dev', '--listen=127.0.0.1:0',
    '--admin.listen=127.0.0.1:0'], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(server, 'exit');
  t.after(() => {
    server.kill();
    return ended;
  });
  let said = ''; // two
  for await (const text of server.stdout.setEncoding('utf8')
    .iterator({ destroyOnReturn: false })) {
    said += text;
    if (/Console .*\n.*\n/.test(said)) break;
  }
  server.stdout.resume();
  const [, url] = /Page +(\S+)/.exec(said);
  const [, ...words] = /Console +perigee (\S+) (\S+)/.exec(said);
  const { stdout: link } = await run(BIN, words, { cwd }); // three
  const page = await open(t, { admin: new URL(link).origin });
  await page.goto(link.trim());
  await page.waitForSelector('h1:text("Now")');
  const shop = await open(t, { admin: url });
  await shop.goto(`${url}?user=alice`);
  await shop.waitForSelector('#state:text-is("ready")');
  const say = async (text) => {
    await shop.fill('#text', text);
    await shop.keyboard.press('Enter');
    await shop.waitForSelector(`#lines li:text-is("alice: ${text}")`);
  };
  await say('hello');
  await page.click('[aria-label=Handlers] a:text-is("hello.say")');
  await page.waitForSelector('.pill:text-is("live")');
  await say('is anybody here');
  await page.waitForSelector('.trace li:has-text("message"):has-text("alice")');
  await page.waitForSelector('.trace li:has-text("done"):has-text("ok in")');
  await page.waitForSelector('.trace li:has-text("delivery"):has-text("hello.said")');
  await shoot(page, 'new');
  await isAccessible(page);
});
