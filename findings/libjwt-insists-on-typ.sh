#!/bin/sh
# SPDX-License-Identifier: MIT
# libjwt 1.10.2: a good token whose `typ` is `at+jwt` (RFC 9068: what identity
# providers write into access tokens) is refused with EINVAL, which is also
# what a wrong signature gives.
# Guess: `typ` is for applications to look at (RFC 7519, 5.1), and a library
# that takes tokens without it does not mind another one.
. "$(dirname "$0")/lib/findings.sh"
debian gcc libc6-dev libjwt-dev openssl nodejs
cat >"$folder/check.c" <<'END'
#include <errno.h>
#include <jwt.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
  static unsigned char key[8192];
  (void)argc;
  FILE *file = fopen(argv[1], "r");
  int n = (int)fread(key, 1, sizeof(key) - 1, file);
  jwt_t *jwt;
  int result = jwt_decode(&jwt, argv[2], key, n);
  puts(result == 0 ? "taken" : result == EINVAL ? "EINVAL" : "other");
  return 0;
}
END
cat >"$folder/token.js" <<'END'
const crypto = require('crypto');
const fs = require('fs');
const [alg, typ, key] = process.argv.slice(2);
const b64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const head = typ === 'none' ? { alg } : { typ, alg };
const text = `${b64(head)}.${b64({ sub: 'alice' })}`;
const secret = fs.readFileSync(key);
const signature = alg === 'HS256'
  ? crypto.createHmac('sha256', secret).update(text).digest()
  : crypto.sign('sha256', text, secret);
console.log(`${text}.${signature.toString('base64url')}`);
END
cd "$folder"
cc -o check check.c -ljwt
openssl genrsa -out private.pem 2048 2>/dev/null
openssl rsa -in private.pem -pubout -out public.pem 2>/dev/null
printf 'a secret of thirty-two bytes or more' >secret
for typ in JWT none at+jwt; do
  token=$(node token.js RS256 $typ private.pem)
  echo "RS256, $typ: $(./check public.pem "$token")"
  token=$(node token.js HS256 $typ secret)
  echo "HS256, $typ: $(./check secret "$token")"
done | expect jwt_decode \
'RS256, JWT: taken
HS256, JWT: taken
RS256, none: taken
HS256, none: taken
RS256, at+jwt: EINVAL
HS256, at+jwt: EINVAL'
