// SPDX-License-Identifier: MIT
// The view Reload: what would change, doing it, and a mistake.

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { enter, here, isAccessible, serve, shoot } from './console.js';

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
