// SPDX-License-Identifier: MIT
// The built files: up to date, small, and what they say they are.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { INTERNAL, bundle } from '../build.mjs';

const BUDGET = 10200; // bytes, gzipped

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

test('what the build renames is nobody else\'s', async () => {
  const types = await kept('index.d.ts');
  for (const name of INTERNAL) {
    assert.ok(!new RegExp(`\\b${name}\\b`).test(types), name);
  }
});

test('all files have the same names', async () => {
  const page = { console };
  runInNewContext(`${await kept('perigee.global.js')};this.it = Perigee`, page);
  const names = Object.keys(await import('../perigee.js')).sort();
  assert.deepEqual(Object.keys(page.it).sort(), names);
  const required = createRequire(import.meta.url)('../perigee.cjs');
  assert.deepEqual(Object.keys(required).sort(), names);
});

test('the package has what it exports, by either way of its name', async () => {
  const { name, exports, files, ...fields } = JSON.parse(
    await kept('package.json'));
  const flat = (value) => (typeof value === 'string' ? [value]
    : Object.values(value).flatMap(flat));
  const paths = [...flat(exports), fields.main, fields.module, fields.types,
    fields.unpkg];
  for (const path of new Set(paths)) {
    assert.ok(path === './package.json' || files.includes(path.slice(2)), path);
    await kept(path);
  }
  const it = await import(name);
  assert.equal(typeof it.SocketClient, 'function');
  const { resolve } = createRequire(import.meta.url);
  assert.match(resolve(name), /perigee\.cjs$/);
});

test('what is published is the built files, their types, and no more',
  async () => {
    const cwd = fileURLToPath(new URL('..', import.meta.url));
    const { stdout } = await promisify(execFile)('npm',
      ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd });
    const [{ files }] = JSON.parse(stdout);
    assert.deepEqual(files.map(({ path }) => path).sort(),
      ['LICENSE', 'README.md', 'index.d.cts', 'index.d.ts', 'package.json',
        'perigee.cjs', 'perigee.global.js', 'perigee.js']);
    const { sideEffects, exports } = JSON.parse(await kept('package.json'));
    assert.equal(sideEffects, false);
    for (const how of ['import', 'require']) {
      assert.equal(Object.keys(exports['.'][how])[0], 'types', how);
    }
  });
