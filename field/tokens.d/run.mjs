// SPDX-License-Identifier: MIT
// Makes keys, runs the programs of all libraries, tries what they made with a
// server, and writes the table.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { WebSocket } from 'ws';

const [folder, page, part = ''] = process.argv.slice(2);
const keys = `${folder}/keys`;
const algorithms = ['HS256', 'RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const secret = crypto.randomBytes(32).toString('hex'); // as `openssl rand -hex 32`

function makeKeys() {
  const pairs = {
    RSA: ['rsa', { modulusLength: 2048 }],
    ES256: ['ec', { namedCurve: 'P-256' }],
    ES384: ['ec', { namedCurve: 'P-384' }],
    ES512: ['ec', { namedCurve: 'P-521' }],
    EdDSA: ['ed25519', {}],
  };
  fs.mkdirSync(keys);
  fs.writeFileSync(`${keys}/secret`, secret);
  fs.writeFileSync(`${keys}/secret.jwk`, JSON.stringify(
    { kty: 'oct', k: Buffer.from(secret).toString('base64url') }));
  const set = Object.entries(pairs).map(([name, [type, options]]) => {
    const { publicKey, privateKey } = crypto.generateKeyPairSync(type, options);
    fs.writeFileSync(`${keys}/${name}.pem`, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    fs.writeFileSync(`${keys}/${name}.jwk`, JSON.stringify(privateKey.export({ format: 'jwk' })));
    return { ...publicKey.export({ format: 'jwk' }), kid: name };
  });
  fs.writeFileSync(`${keys}/jwks.json`, JSON.stringify({ keys: set }));
}

const cases = [
  ...algorithms.map((alg) => ({ name: 'plain', alg, claims: { sub: 'alice' } })),
  { name: 'a number as sub', alg: 'HS256', claims: { sub: 7 } },
  { name: 'aud', alg: 'HS256', claims: { sub: 'alice', aud: ['chat', 'mail'] } },
  // Half of the numbers in an ES512 signature begin with a zero byte.
  ...Array.from({ length: 12 }, () => ({ name: 'again', alg: 'ES512', claims: { sub: 'alice' } })),
];

function tokensOf(...command) {
  const { stdout, stderr, status } = spawnSync(command[0], command.slice(1), {
    encoding: 'utf8', maxBuffer: 1 << 26,
    env: { ...process.env, KEYS: keys, CASES: JSON.stringify(cases), FOLDER: folder },
  });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  return stdout.trim().split('\n').map((line) => JSON.parse(line));
}

async function serve() {
  fs.mkdirSync(`${folder}/scripts`);
  fs.writeFileSync(`${folder}/scripts/main.lua`, 'return {}');
  const server = spawn(process.env.PERIGEE, ['dev', `${folder}/scripts`,
    '--listen=127.0.0.1:0', '--admin.listen=', '--no-watch', '--limits.per_ip=0',
    '--limits.handshakes_per_s=0', `--auth.jwks_file=${keys}/jwks.json`],
  { cwd: folder, env: { ...process.env, PERIGEE_AUTH_SECRET: secret } });
  let log = '';
  const port = await new Promise((done, failed) => {
    const look = (text) => {
      log += text;
      const found = log.match(/ ready on http:\/\/127\.0\.0\.1:(\d+)/);
      if (found) done(found[1]);
    };
    server.stdout.on('data', look);
    server.stderr.on('data', look);
    server.on('exit', () => failed(new Error(log)));
  });
  return { server, url: `ws://127.0.0.1:${port}/ws` };
}

// The user, or why the token was refused, as development mode tells it.
function login(url, token) {
  return new Promise((done) => {
    const socket = new WebSocket(url);
    const end = (result) => { socket.terminate(); done(result); };
    socket.on('open', () => socket.send(JSON.stringify({ type: 'auth', data: { token } })));
    socket.on('message', (text) => {
      const { type, data } = JSON.parse(text);
      if (type === 'auth_ok') end({ user: data.user });
      if (type === 'auth_error') end({ why: data.why });
    });
    socket.on('error', (error) => end({ why: error.message }));
  });
}

const decode = (part) => Buffer.from(part, 'base64url').toString();

// What a library writes where nothing is asked of it.
function looksOf(token) {
  const [header, claims] = token.split('.').slice(0, 2).map(decode);
  const { typ } = JSON.parse(header);
  const { iat, jti } = JSON.parse(claims);
  const exp = claims.match(/"exp": ?([^,}]+)/)?.[1] ?? 'none';
  return {
    typ: typ ? `\`${typ}\`` : 'none',
    header: Object.keys(JSON.parse(header)).map((name) => `\`${name}\``).join(' '),
    exp: /^\d+$/.test(exp) ? 'integer' : exp === 'none' ? exp
      : exp.startsWith('"') ? 'a text' : 'with a fraction',
    adds: [iat && '`iat`', jti && '`jti`'].filter(Boolean).join(' ') || '–',
  };
}

const cell = (text) => String(text).replaceAll('|', '\\|');

function rowsOf(results) {
  const notes = [];
  const rows = [...new Set(results.map((r) => r.library))].map((library) => {
    const mine = results.filter((r) => r.library === library);
    const plain = mine.filter((r) => r.case === 'plain');
    const good = mine.filter((r) => r.user === 'alice').map((r) => r.alg);
    const number = mine.find((r) => r.case === 'a number as sub');
    const aud = mine.find((r) => r.case === 'aud');
    const any = mine.find((r) => r.token);
    if (!any) throw new Error(`${library} has made no token: ${mine[0].error}`);
    const looks = looksOf(any.token);
    const refused = plain.filter((r) => r.token && r.why);
    for (const why of new Set(refused.map((r) => r.why))) {
      const algs = refused.filter((r) => r.why === why).map((r) => r.alg);
      if (algs.join() !== 'ES512') notes.push(`* **${library}**, ${algs.join(', ')}: refused, “${why}”`);
    }
    const again = mine.filter((r) => r.alg === 'ES512' && r.token);
    const odd = again.filter((r) => r.why);
    if (odd.length && good.length)
      notes.push(`* **${library}**, ES512: ${odd.length} of ${again.length} tokens refused, “${odd[0].why}”`);
    if (aud.token && !/"aud": ?\["chat", ?"mail"\]/.test(decode(aud.token.split('.')[1])))
      notes.push(`* **${library}**: a list as \`aud\` becomes something else`);
    return `| ${cell(library)} | ${mine[0].version} | ${looks.typ} | ${looks.header} | ${looks.exp} `
      + `| ${looks.adds} | ${number.user === '7' ? 'yes' : number.token ? `refused: ${number.why}` : 'refuses to sign'} `
      + `| ${algorithms.filter((a) => good.includes(a)).join(' ') || 'none'} |`;
  });
  return { rows, notes };
}

function write({ rows, notes }, count) {
  const [before, after] = ['<!-- matrix -->', '<!-- /matrix -->'];
  const text = fs.readFileSync(page, 'utf8');
  const table = [
    before, '',
    `Made by \`./dev field tokens\` on ${new Date().toISOString().slice(0, 10)}: ${rows.length} makers, `
    + `${count} tokens, each tried with a server.`, '',
    '| maker | version | `typ` | header | `exp` | adds | a number as `sub` | its tokens are accepted |',
    '|---|---|---|---|---|---|---|---|', ...rows, '',
    'Seen on the way:', '', ...notes, '', after,
  ].join('\n');
  const begin = text.indexOf(before);
  const end = text.indexOf(after) + after.length;
  if (begin < 0 || end < begin) throw new Error(`${page} has no place for the table`);
  fs.writeFileSync(page, text.slice(0, begin) + table + text.slice(end));
}

// What src/auth/vectors_test.c reads.
function writeVectors(path, results) {
  const pem = (name) => crypto.createPublicKey(fs.readFileSync(`${keys}/${name}.pem`))
    .export({ type: 'spki', format: 'pem' }).trim().replaceAll('\n', '\\n');
  const kept = results.filter((r) => r.user && r.case === 'plain');
  fs.writeFileSync(path, [
    '# Tokens of real libraries, made by `field/tokens` with VECTORS. The keys are of',
    '# that run alone.', `now ${Math.floor(Date.now() / 1000)}`, `secret ${secret}`,
    `jwks ${fs.readFileSync(`${keys}/jwks.json`)}`,
    ...['RSA', 'ES256', 'ES384', 'ES512', 'EdDSA'].map((name) => `pem ${name} ${pem(name)}`),
    ...kept.map((r) => `token ${r.alg} ${r.token} ${r.library} ${r.version}`), '',
  ].join('\n'));
}

makeKeys();
const programs = `${folder}/programs`;
const made = [
  ...tokensOf('node', `${folder}/node.mjs`),
  ...tokensOf('/usr/bin/python3', `${programs}/python.py`),
  ...tokensOf('ruby', `${programs}/ruby.rb`),
  ...tokensOf('perl', `${programs}/perl.pl`),
  ...tokensOf('node', `${folder}/programs.mjs`),
];
const results = made.filter((r) => r.library.includes(part));
const { server, url } = await serve();
try {
  for (const result of results)
    if (result.token) Object.assign(result, await login(url, result.token));
} finally {
  server.removeAllListeners('exit');
  server.kill();
}
for (const r of results.filter((x) => x.error && x.case === 'plain'))
  console.log(`${r.library} ${r.alg}: ${r.error}`);
const summary = rowsOf(results);
if (process.env.VECTORS) writeVectors(process.env.VECTORS, results);
if (!part) write(summary, results.filter((r) => r.token).length);
console.log([...summary.rows, ...summary.notes].join('\n'));
// Those whose row says "none" are there to show that, see docs/tokens.md.
const failed = summary.rows.filter((row) => / none \|$/.test(row)).length;
process.exit(failed > 1 ? 1 : 0);
