// SPDX-License-Identifier: MIT
// The built files: up to date, small, and without anything of elsewhere.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bundle } from '../build.mjs';

const BUDGET = 150 * 1024; // bytes, gzipped

const kept = (name) =>
  readFile(new URL(`../dist/${name}`, import.meta.url), 'utf8');

test('the kept files are a fresh build', async () => {
  for (const [name, text] of Object.entries(await bundle())) {
    assert.equal(await kept(name), text, `${name}: run npm run build`);
  }
});

test('all of it stays within its budget', async (t) => {
  let length = 0;
  for (const name of Object.keys(await bundle())) {
    length += gzipSync(await kept(name), { level: 9 }).length;
  }
  t.diagnostic(`${length} bytes of ${BUDGET}`);
  assert.ok(length <= BUDGET, `${length} bytes gzipped`);
});

test('nothing evaluates text, which the policy would forbid', async () => {
  const text = await kept('console.js');
  assert.doesNotMatch(text, /\beval\(|new Function\(/);
});
