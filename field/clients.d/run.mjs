// SPDX-License-Identifier: MIT
// Runs every client of the table (or those whose name contains an argument)
// and, if it is all of them, writes docs/clients.md: `./dev field clients`.
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from
  'node:fs';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { root, startPerigee } from '../support/perigee.mjs';
import * as measure from './measure.mjs';
import { page } from './page.mjs';
import { clients } from './table.mjs';

const IDLE_S = 35;
const OPTIONS = {
  'heartbeat.interval_s': 3600,
  'limits.queue_bytes': '128MiB',
  'limits.send_bytes': '16MiB',
  'limits.stall_s': 0,
  'limits.bytes_per_s': 0,
  'limits.messages_per_s': 0,
  'limits.per_ip': 0,
  'script.burst_ms': 5000,
  'script.memory_mb': 1024,
};

const here = new URL('.', import.meta.url).pathname;
const [isAsked, filter = ''] = process.argv[2] === '--packages'
  ? [true, process.argv[3]] : [false, process.argv[2]];
const rows = clients.filter((row) => row.name.includes(filter));
if (isAsked) { // what `dev` is to install
  const packages = rows.flatMap(({ apt, more = [] }) => [apt, ...more]);
  console.log([...new Set(packages)].filter(Boolean).join('\n'));
  process.exit();
}
const folder = mkdtempSync(`${tmpdir()}/perigee-field-`);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => process.exit(130));
}

const shell = (command) => execFileSync('sh', ['-c', command], {
  cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'],
});

/** Not the synchronous one: those who are left alone are listened to. */
const build = (command) => promisify(execFile)('sh', ['-c', command],
  { cwd: folder });

function versionOf(row) {
  if (row.npm) {
    const file = `${folder}/node_modules/${row.npm}/package.json`;
    return JSON.parse(readFileSync(file)).version;
  }
  return shell(`dpkg-query -W -f '\${Version}' ${row.apt}`)
    .replace(/^\d+:/, '').replace(/[-+~](dfsg|ds|deb|\d).*/, '');
}

/** All measurements of one client; those that take long go on meanwhile. */
async function run(row, plain, deflate) {
  const result = { row, version: versionOf(row) };
  if (row.build) await build(row.build);
  Object.assign(row, { folder });
  result.idle = measure.idle(row, plain, IDLE_S);
  result.talk = await measure.converse(row, plain);
  result.deflated = await measure.converse(row, deflate);
  result.largest = await measure.largest(row, plain);
  result.end = await measure.lose(row, plain, false);
  result.reset = await measure.lose(row, plain, true);
  result.shut = await measure.shut(row, plain);
  return result;
}

const verdict = (talk, known) => {
  if (talk.ok) return known ? `no longer: ${known}` : '';
  const fault = talk.fault === 'no join' ? talk.told : talk.fault;
  return fault === known ? '' : fault;
};

cpSync(`${here}package.json`, `${folder}/package.json`);
console.log('installing the clients from npm');
shell('npm install --no-audit --no-fund --ignore-scripts 2>&1');
const scripts = `${root}field/clients.d/scripts`;
const plain = await startPerigee(scripts, OPTIONS);
const deflate = await startPerigee(scripts,
  { ...OPTIONS, 'deflate.enabled': true });
const results = [];
let failed = 0;
for (const row of rows) {
  const result = await run(row, plain, deflate)
    .catch((error) => ({ row, fault: error.stderr || error.message }));
  result.fault ??= verdict(result.talk, row.known) ||
    verdict(result.deflated, row.knownDeflated);
  if (result.fault) failed += 1;
  console.log(`${row.name} ${result.version ?? ''}: ${
    result.fault ? `FAILED: ${result.fault}` : 'ok'}`);
  results.push(result);
}
console.log('waiting for those who are left alone');
for (const result of results) result.idle = await result.idle;
await plain.stop();
await deflate.stop();
if (filter) {
  console.log(page(results));
} else {
  writeFileSync(`${root}docs/clients.md`, page(results));
  console.log('docs/clients.md is written');
}
console.log(`${rows.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
