// SPDX-License-Identifier: MIT
// Tokens by programs of the command line: José, and `perigee token` (libjwt).
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

const keys = process.env.KEYS;
const run = (...args) => execFileSync(args[0], args.slice(1),
  { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const hour = () => Math.floor(Date.now() / 1000) + 3600;
const file = (alg) => (/^[RP]S/.test(alg) ? 'RSA' : alg);

function jose(alg, claims) {
  const payload = `${keys}/payload.json`;
  fs.writeFileSync(payload, JSON.stringify({ ...claims, exp: hour() }));
  return run('jose', 'jws', 'sig', '-c', '-I', payload,
    '-s', JSON.stringify({ protected: { alg } }),
    '-k', `${keys}/${alg.startsWith('HS') ? 'secret' : file(alg)}.jwk`, '-o', '-').trim();
}

function perigee(alg, { sub, ...more }) {
  if (more.aud) throw new Error('a claim is a text or a number');
  if (typeof sub !== 'string') throw new Error('a user is a text');
  return run(process.env.PERIGEE, 'token', `--user=${sub}`, `--auth.algorithm=${alg}`,
    ...(alg.startsWith('HS') ? [`--auth.secret=${fs.readFileSync(`${keys}/secret`)}`]
      : [`--private-key=${keys}/${file(alg)}.pem`]),
    ...Object.entries(more).map(([k, v]) => `--claim=${k}=${JSON.stringify(v)}`)).trim();
}

const libraries = {
  'José (jose of the shell)': [run('sh', '-c', 'dpkg-query -Wf \'${Version}\' jose'), jose],
  'perigee token (libjwt; OpenSSL for PS and EdDSA)':
    [run(process.env.PERIGEE, '--version').trim().split(' ').pop(), perigee],
};
for (const [library, [version, make]] of Object.entries(libraries)) {
  for (const { name, alg, claims } of JSON.parse(process.env.CASES)) {
    const line = { library, version, case: name, alg };
    try {
      line.token = make(alg, claims);
    } catch (error) {
      line.error = String(error.stderr || error.message).split('\n')[0];
    }
    console.log(JSON.stringify(line));
  }
}
