// SPDX-License-Identifier: MIT
// The view Try: two users talk, and what they said becomes a spec that passes.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { enter, here, isAccessible, serve, shoot } from './console.js';
import { lua, spec } from '../src/spec.js';

const BIN = process.env.PERIGEE_BIN || here('../../build/perigee');
const run = promisify(execFile);

/** The side of a user: 1 or 2. */
const side = (page, n) => page.locator(`[aria-label="User ${n}"]`);

async function say(pane, type, fields) {
  await pane.locator('select').first().selectOption(type);
  for (const [name, value] of Object.entries(fields)) {
    const field = pane.locator(`[id$="-${name}"]`);
    await field.focus();
    await field.press('Control+A');
    await field.pressSequentially(value);
  }
  await pane.locator('button:text-is("Send")').click();
}

test('two users talk, and the conversation is saved as a spec', async (t) => {
  const server = await serve(t);
  const page = await enter(t, server);
  await page.click('nav >> text="Try"');
  await page.waitForSelector('option:text-is("chat.send")', { state: 'attached' });
  await shoot(page, 'try-empty');
  const [alice, bob] = [side(page, 1), side(page, 2)];
  for (const pane of [alice, bob]) {
    await pane.locator('button:text-is("Connect")').click();
    await pane.locator('.pill:text-is("connected")').waitFor();
    await say(pane, 'join', { room: 'lobby' });
    await pane.locator('.out .answer .dim:has-text("ms")').waitFor();
  }
  await say(alice, 'chat.send', { room: 'lobby', text: 'Hello "bob"' });
  await bob.locator('.in:has-text("chat.message")').waitFor();
  await say(alice, 'chat.send', { room: 'lobby', text: ' ' });
  await alice.locator('.answer.bad:has-text("chat.bad_text")').waitFor();
  await say(bob, 'direct.send', { to: 'alice', text: 'Hi' });
  await alice.locator('.in:has-text("direct.message")').waitFor();
  await bob.locator('.out:has-text("direct.send") .answer:has-text("devices")')
    .waitFor();
  await shoot(page, 'try');
  await isAccessible(page);

  const [download] = await Promise.all([page.waitForEvent('download'),
    page.click('text="Save as spec"')]);
  const folder = await mkdtemp(join(tmpdir(), 'spec-'));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'spec'));
  const file = join(folder, 'spec', download.suggestedFilename());
  await download.saveAs(file);
  const text = await readFile(file, 'utf8');
  for (const line of ['local alice = t.connect "alice"', 'bob:join("lobby")',
    'bob:expect("chat.message", { ',
    'from = "alice"', // in which order is the server's
    'assert.equal("chat.bad_text", (alice:fails("chat.send",']) {
    assert.ok(text.includes(line), `${line} is not in:\n${text}`);
  }
  const { stdout } = await run(BIN, ['test', `--scripts=${here('../../scripts')}`,
    '--', '-o', 'TAP'], { cwd: folder }).catch((error) => assert.fail(
    `${error.stdout}${error.stderr}\n${text}`));
  assert.match(stdout, /^ok 1 /m);
});

test('what is wrong is said', async (t) => {
  const server = await serve(t);
  const page = await enter(t, server);
  await page.click('nav >> text="Try"');
  await page.waitForSelector('option:text-is("echo")', { state: 'attached' });
  const alice = side(page, 1);
  await alice.locator('button:text-is("Connect")').click();
  await alice.locator('.pill:text-is("connected")').waitFor();
  await alice.locator('select').first().selectOption('echo');
  await alice.locator('textarea').fill('{');
  await alice.locator('button:text-is("Send")').click();
  await alice.locator('.fields .error:has-text("JSON")').waitFor();
  await alice.locator('textarea').fill('{"a":1}');
  await alice.locator('button:text-is("Send")').click();
  await alice.locator('.answer code:has-text(\'{"a":1}\')').waitFor();
  await alice.locator('button:text-is("Again")').click();
  await alice.locator('.out >> nth=1').waitFor();
  await alice.locator('button:text-is("Disconnect")').click();
  await alice.locator('.pill:text-is("not connected")').waitFor();
});

test('values are written as Lua has them', () => {
  assert.equal(lua({ a: [1, 'x\n"'], end: null, 'b-c': [], d: {} }),
    '{ a = { 1, "x\\n\\"" }, ["end"] = t.null, ["b-c"] = t.array {}, d = {} }');
});

test('a spec has what stays, and leaves out what does not', () => {
  const panes = [{ number: 0, user: 'end' }, { number: 1, user: 'end' }];
  const text = spec(panes, [
    { pane: 0, sent: { type: 'say', data: { text: 'x' } },
      reply: { at: 1769860800.25, n: 3, list: [{ id: 7 }] } },
    { pane: 1, push: { type: 'said', data: { at: 1769860800, text: 'x' } } },
    { pane: 1, push: { type: 'presence', data: { left: [] } } },
    { pane: 1, sent: { type: 'slow' } },
  ]);
  for (const line of ['local end_ = t.connect "end"', 'local end_2 = ',
    'local answer = end_:request("say", { text = "x" })',
    'assert.is_number(answer.at)', 'assert.equal(3, answer.n)',
    'assert.equal(7, answer.list[1].id)', 'end_2:expect("said", { text = "x" })']) {
    assert.ok(text.includes(line), `${line} is not in:\n${text}`);
  }
  assert.doesNotMatch(text, /presence|slow/);
});
