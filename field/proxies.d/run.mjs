// SPDX-License-Identifier: MIT
// Runs every proxy of the table (or those whose name contains an argument) in
// front of a perigee of its own, and, if it is all of them, writes
// docs/proxies.md: `./dev field proxies [--idle=100] [NAME]`. With `--capacity`
// it only counts how many WebSockets those take that have a limit as shipped.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync,
  writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { root, startPerigee } from '../support/perigee.mjs';
import { capacity, checks, farewell, open, stillThere } from './checks.mjs';
import { page } from './page.mjs';
import { proxies } from './table.mjs';

const here = new URL('.', import.meta.url).pathname;
const words = process.argv.slice(2);
const isAsked = words.includes('--packages');
const idle = Number(words.find((word) => word.startsWith('--idle='))
  ?.slice(7) ?? 100);
const filter = words.find((word) => !word.startsWith('--')) ?? '';
const isCapacity = words.includes('--capacity');
const rows = proxies.filter(({ name, shipped }) => name.includes(filter)
  && (shipped || !isCapacity));
if (isAsked) { // what `dev` is to install
  const packages = rows.flatMap(({ apt, more = [] }) => [apt, ...more]);
  console.log(['openssl', ...new Set(packages)].join('\n'));
  process.exit();
}

const folder = mkdtempSync(`${tmpdir()}/perigee-field-`);
const children = [];
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => process.exit(130));
}
chmodSync(folder, 0o755); // proxies that start as root do not stay it

const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
const shell = (command) => execFileSync('sh', ['-c', command], {
  cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'],
});

const freePort = () => new Promise((done) => {
  const listener = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = listener.address();
    listener.close(() => done(port));
  });
});

const isUp = (port) => new Promise((done) => {
  const socket = net.connect(port, '127.0.0.1', () => done(true));
  socket.on('error', () => done(false)).on('connect', () => socket.destroy());
});

/** Starts a perigee and the proxy in front of it. */
async function start(row) {
  const site = { ...row, npm: folder, host: 'app.example.com' };
  site.perigee = await startPerigee(`${root}field/proxies.d/scripts`, {
    'proxy.trusted': '127.0.0.1', 'auth.header': true, 'deflate.enabled': true,
    'limits.per_user': 0, 'limits.per_ip': 0, 'limits.bytes_per_s': 0,
    'limits.queue_bytes': '256KiB', 'shutdown.drain_s': 1, ...row.options,
  });
  const c = {
    folder: `${folder}/${row.name}`, pem: `${folder}/site.pem`,
    backend: site.perigee.port, port: await freePort(), spare: await freePort(),
    descriptors: shell('ulimit -Hn').trim(),
  };
  mkdirSync(c.folder);
  chmodSync(c.folder, 0o777);
  c.file = `${c.folder}/${row.file}`;
  site.text = readFileSync(`${here}configurations/${row.file}`, 'utf8');
  if (isCapacity) site.text = row.shipped(site.text);
  writeFileSync(c.file, row.fit(site.text, c));
  const [command, ...args] = row.command(c);
  const child = spawn(command, args, {
    cwd: c.folder, stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: c.folder, XDG_DATA_HOME: c.folder,
      XDG_CONFIG_HOME: c.folder,
      PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  children.push(child);
  let said = '';
  child.on('error', (error) => { said += error.message; });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => { said = (said + text).slice(-2000); });
  }
  const end = Date.now() + 20000;
  while (!await isUp(c.port)) {
    if (Date.now() > end) throw new Error(`does not listen: ${said}`);
    await sleep(100);
  }
  await sleep(500); // its own checks of the server's health
  return Object.assign(site, {
    child, port: c.port, authority: `app.example.com:${c.port}`,
  });
}

const version = ({ apt }) => shell(`dpkg-query -W -f '\${Version}' ${apt}`)
  .replace(/^\d+:/, '').replace(/[-+~](dfsg|ds|deb|\d).*/, '');

async function attempt(result, name, check) {
  try {
    result.cells[name] = await check() ?? 'ok';
  } catch (error) {
    result.cells[name] = `**${error.message.split('\n')[0]}**`;
    result.failed += 1;
  }
}

console.log('installing the client from npm');
writeFileSync(`${folder}/package.json`, '{"dependencies":{"ws":"8.23.0"}}');
shell('npm install --no-audit --no-fund --ignore-scripts 2>&1');
shell('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 '
  + '-nodes -days 2 -subj /CN=app.example.com -keyout key -out cert '
  + '2>&1 && cat cert key >site.pem && chmod 644 site.pem');

if (isCapacity) {
  for (const row of rows) {
    const site = await start(row);
    console.log(`${row.name} ${version(row)}: ${await capacity(site)}`);
    await site.perigee.stop();
    const gone = new Promise((done) => { site.child.once('exit', done); });
    site.child.kill('SIGTERM'); // its children end with it
    await Promise.race([gone, sleep(5000)]);
  }
  process.exit();
}

const results = [];
for (const row of rows) {
  const result = { row, cells: {}, failed: 0, version: '' };
  results.push(result);
  try {
    result.version = version(row);
    result.site = await start(row);
    result.text = result.site.text;
    result.waiting = await open(result.site);
    result.since = Date.now();
  } catch (error) {
    result.cells.HTTP = `**${error.message.trim().split('\n')[0]}**`;
    result.failed += 1;
    console.log(`${row.name}: FAILED: ${error.message}`);
    continue;
  }
  for (const [name, check] of Object.entries(checks)) {
    await attempt(result, name, () => check(result.site));
  }
  console.log(`${row.name} ${result.version}: ${
    result.failed ? JSON.stringify(result.cells) : 'ok'}`);
}
if (idle) console.log(`waiting until ${idle} s have passed`);
for (const result of results.filter(({ waiting }) => waiting)) {
  const { cells, site, waiting } = result;
  if (idle) {
    await sleep(result.since + idle * 1000 - Date.now());
    await attempt(result, `idle ${idle} s`, () => stillThere(waiting));
  }
  const ends = attempt(result, 'goodbye, 1001', () => farewell(waiting));
  await site.perigee.stop();
  await ends;
  const gone = new Promise((done) => { site.child.once('exit', done); });
  site.child.kill('SIGTERM');
  await Promise.race([gone, sleep(5000)]);
  if (result.failed) console.log(`${result.row.name}: ${JSON.stringify(cells)}`);
}
const failed = results.filter((result) => result.failed).length;
if (filter) {
  for (const { row, cells } of results) console.log(row.name, cells);
} else {
  writeFileSync(`${root}docs/proxies.md`, page(results));
  console.log('docs/proxies.md is written');
}
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
