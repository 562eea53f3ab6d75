// SPDX-License-Identifier: MIT
// Tokens by libraries of npm. Writes a JSON line for each token, as the
// programs of the other languages do:
//   {"library", "version", "case", "alg", "token"} or "error" for "token"
import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const keys = process.env.KEYS;
const secret = fs.readFileSync(`${keys}/secret`, 'utf8');
const pem = (alg) => fs.readFileSync(`${keys}/${alg.startsWith('HS') ? 'secret'
  : /^[RP]S/.test(alg) ? 'RSA.pem' : `${alg}.pem`}`, 'utf8');
const privateKey = (alg) => crypto.createPrivateKey(pem(alg));
const key = (alg) => (alg.startsWith('HS') ? secret : pem(alg));
const hour = () => Math.floor(Date.now() / 1000) + 3600;

// As each README does it; `exp` by the library where it has a way.
const libraries = {
  jose: async (alg, claims) => {
    const { SignJWT, importPKCS8 } = await import('jose');
    const k = alg.startsWith('HS') ? new TextEncoder().encode(secret)
      : await importPKCS8(pem(alg), alg);
    return new SignJWT(claims).setProtectedHeader({ alg })
      .setExpirationTime('1h').sign(k);
  },
  jsonwebtoken: (alg, claims) => require('jsonwebtoken')
    .sign(claims, key(alg), { algorithm: alg, expiresIn: '1h' }),
  jsrsasign: (alg, claims) => require('jsrsasign').KJUR.jws.JWS.sign(null,
    { alg, typ: 'JWT' }, { ...claims, exp: hour() }, key(alg)),
  'jsrsasign, secret as {utf8}': (alg, claims) => {
    if (!alg.startsWith('HS')) throw new Error('only for secrets');
    return require('jsrsasign').KJUR.jws.JWS.sign(null, { alg, typ: 'JWT' },
      { ...claims, exp: hour() }, { utf8: secret });
  },
  'fast-jwt': (alg, claims) => require('fast-jwt')
    .createSigner({ key: key(alg), algorithm: alg, expiresIn: 3600000 })(claims),
  njwt: (alg, claims) => require('njwt').create(claims, key(alg), alg).compact(),
  'jwt-simple': (alg, claims) => require('jwt-simple')
    .encode({ ...claims, exp: hour() }, key(alg), alg),
  '@tsndr/cloudflare-worker-jwt': async (alg, claims) => {
    const { default: jwt } = await import('@tsndr/cloudflare-worker-jwt');
    return jwt.sign({ ...claims, exp: hour() }, key(alg), { algorithm: alg });
  },
  hono: async (alg, claims) => {
    const { sign } = await import('hono/jwt');
    return sign({ ...claims, exp: hour() }, key(alg), alg);
  },
  jws: (alg, claims) => require('jws').sign({ header: { alg },
    payload: { ...claims, exp: hour() }, secret: key(alg) }),
  'jwt-encode': (alg, claims) => {
    if (alg !== 'HS256') throw new Error('knows only HS256');
    return require('jwt-encode')({ ...claims, exp: hour() }, secret);
  },
  'node:crypto': (alg, claims) => {
    const part = (v) => Buffer.from(JSON.stringify(v)).toString('base64url');
    const text = `${part({ alg, typ: 'JWT' })}.${part({ ...claims, exp: hour() })}`;
    const hash = `sha${alg.slice(2)}`;
    const pss = { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const signed = alg.startsWith('HS')
      ? crypto.createHmac(hash, secret).update(text).digest()
      : crypto.sign(alg === 'EdDSA' ? null : hash, Buffer.from(text), {
        key: privateKey(alg), dsaEncoding: 'ieee-p1363',
        ...(alg.startsWith('PS') ? pss : {}),
      });
    return `${text}.${signed.toString('base64url')}`;
  },
};

function versionOf(library) {
  if (library === 'node:crypto') return process.version.slice(1);
  const folder = path.join(process.env.FOLDER, 'node_modules', library.split(',')[0]);
  return JSON.parse(fs.readFileSync(`${folder}/package.json`)).version;
}

const cases = JSON.parse(process.env.CASES);
for (const [library, make] of Object.entries(libraries)) {
  for (const { name, alg, claims } of cases) {
    const line = { library, version: versionOf(library), case: name, alg };
    try {
      line.token = await make(alg, JSON.parse(JSON.stringify(claims)));
    } catch (error) {
      line.error = String(error.message || error).split('\n')[0];
    }
    console.log(JSON.stringify(line));
  }
}
