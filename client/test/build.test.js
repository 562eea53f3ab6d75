// SPDX-License-Identifier: MIT
// The built files: up to date, small, and what they say they are.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { bundle } from '../build.mjs';

const BUDGET = 7000; // bytes, gzipped

const kept = (name) =>
  readFile(new URL(`../${name}`, import.meta.url), 'utf8');

test('the kept files are a fresh build', async () => {
  for (const [name, text] of Object.entries(await bundle())) {
    assert.equal(await kept(name), text, `${name}: run npm run build`);
  }
});

test('the module stays within its budget', async (t) => {
  const { length } = gzipSync(await kept('perigee.js'), { level: 9 });
  t.diagnostic(`${length} bytes of ${BUDGET}`);
  assert.ok(length <= BUDGET, `${length} bytes gzipped`);
});

test('both files have the same names', async () => {
  const page = { console };
  runInNewContext(`${await kept('perigee.global.js')};this.it = Perigee`, page);
  const module = await import('../perigee.js');
  assert.deepEqual(Object.keys(page.it).sort(), Object.keys(module).sort());
});
