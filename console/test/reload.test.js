// SPDX-License-Identifier: MIT
// The view Reload: what would change, doing it, and a mistake.

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { enter, here, isAccessible, redis, serve, shoot } from './console.js';

test('what would change is shown, done, and a mistake has its place',
  async (t) => {
    const scripts = await mkdtemp(join(tmpdir(), 'scripts-'));
    t.after(() => rm(scripts, { recursive: true }));
    await cp(here('../../scripts'), scripts, { recursive: true });
    const server = await serve(t, { scripts, watch: false });
    const page = await enter(t, server);
    await page.click('nav >> text="Reload"');
    await page.waitForSelector('text=Nothing differs from what is live.');
    await shoot(page, 'reload-same');
    const chat = join(scripts, 'chat.lua');
    const before = await readFile(chat, 'utf8');
    await rm(join(scripts, 'echo.lua'));
    await writeFile(join(scripts, 'dice.lua'),
      'return { ["dice.roll"] = function() return math.random(6) end }\n');
    await writeFile(chat, `${before}\n-- changed\n`);
    await page.click('text="Check again"');
    await page.waitForSelector('.chip:text-is("dice.roll")');
    await page.waitForSelector('dt:has-text("removed") + dd:has-text("echo")');
    await page.waitForSelector('text=would break clients that are out there');
    await shoot(page, 'reload-changes');
    await isAccessible(page);
    await page.click('text="Reload now"');
    await page.waitForSelector('.said:has-text("Generation 2 is live")');
    await writeFile(chat, `${before}\nreturn {\n`);
    await page.click('text="Check again"');
    await page.waitForSelector('.mistake code:has-text("chat.lua:")');
    await page.waitForSelector('text=generation 2 goes on');
    await shoot(page, 'reload-mistake');
    await isAccessible(page);
  });

test('several machines load together, or none does, and each says why',
  async (t) => {
    const url = await redis(t);
    const script = (kinds, more = '') =>
      `return { ${kinds.map((kind) => `["${kind}"] = print`).join(', ')} }${more}\n`;
    const machines = [];
    for (const name of ['web-1', 'web-2', 'web-3']) {
      const scripts = await mkdtemp(join(tmpdir(), 'scripts-'));
      t.after(() => rm(scripts, { recursive: true }));
      await writeFile(join(scripts, 'main.lua'), script(['one']));
      const server = await serve(t, { scripts, watch: false, engine: 'redis',
        'redis.url': url, 'node.name': name });
      const write = (text) => writeFile(join(scripts, 'main.lua'), text);
      machines.push({ server, write });
    }
    const [first, second, third] = machines;
    const page = await enter(t, first.server);
    await page.waitForSelector('h2:text("Machines")');
    await page.click('nav >> text="Reload"');
    await page.waitForSelector('.said:has-text("Good on all machines.")');
    await page.waitForSelector('h2:text("All 3 machines")');
    await page.waitForSelector('text=Nothing differs from what is live.');

    await first.write(script(['one', 'two']));
    await second.write(script(['one', 'two']));
    await third.write(script(['one'], ' return {'));
    await page.click('text="Check again"');
    await page.waitForSelector('h2:text("web-3 cannot load")');
    await page.waitForSelector('tr:has-text("web-2"):has-text("could load 1 file, 2 handlers")');
    await page.waitForSelector('.mistake:has(.pill:text("web-3")) code:has-text("main.lua:1")');
    await page.waitForSelector('.chip:text-is("two")');
    await page.waitForSelector('button:disabled:text("Reload now")');
    await shoot(page, 'reload-machines-mistake');
    await isAccessible(page);

    await third.write(script(['three']));
    await page.click('text="Check again"');
    await page.waitForSelector('h2:text("What would change: web-1, web-2")');
    await page.waitForSelector('h2:text("What would change: web-3")');
    await page.waitForSelector('text=would break clients that are out there: web-3');
    await page.click('text="Reload now"');
    await page.waitForSelector('.said:has-text("Live on all machines.")');
    await page.waitForSelector('tr:has-text("web-3"):has-text("Generation 2 is live")');
    await shoot(page, 'reload-machines');
    await isAccessible(page);

    await first.write(script(['four']));
    await page.selectOption('.where', 'one');
    await page.waitForSelector('.said:has-text("Good: 1 file, 1 handler")');
    await page.click('text="Reload now"');
    await page.waitForSelector('.said:has-text("Generation 3 is live")');
    await page.selectOption('.where', 'all');
    await page.waitForSelector('.said:has-text("Good on all machines.")');

    third.server.child.kill('SIGSTOP'); // it is there, and says nothing
    await page.click('text="Reload now"');
    await page.waitForSelector('h2:text("web-3 has not answered in")');
    await page.waitForSelector('h2:text("nothing was loaded on any machine")');
    await page.waitForSelector('tr:has-text("web-3"):has-text("no answer in time")');
    third.server.child.kill('SIGCONT');
  });
