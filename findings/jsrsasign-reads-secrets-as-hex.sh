#!/bin/sh
# SPDX-License-Identifier: MIT
# npm's jsrsasign 11.1.5: a secret that looks hexadecimal is taken as such, and
# one that does not as text.
# Guess: a string is a string, whatever is in it (as in jsonwebtoken, jose and
# PyJWT). `openssl rand -hex 32` makes secrets with which tokens of jsrsasign
# are good nowhere else; a secret with an x in it works.
. "$(dirname "$0")/lib/findings.sh"
npm_packages jsrsasign@11.1.5
cat >"$folder/sign.cjs" <<'END'
const crypto = require('crypto');
const { KJUR } = require('jsrsasign');
for (const secret of ['0123456789abcdef'.repeat(4), 'x'.repeat(64)]) {
  const token = KJUR.jws.JWS.sign('HS256', '{"alg":"HS256"}',
    '{"sub":"alice"}', secret);
  const [head, body, signature] = token.split('.');
  const hmac = (key) => crypto.createHmac('sha256', key)
    .update(`${head}.${body}`).digest('base64url');
  console.log(secret.slice(0, 16), 'as text:', hmac(secret) === signature,
    'as hex:', hmac(Buffer.from(secret, 'hex')) === signature);
}
END
(cd "$folder" && node sign.cjs) | expect jsrsasign \
'0123456789abcdef as text: false as hex: true
xxxxxxxxxxxxxxxx as text: true as hex: false'
