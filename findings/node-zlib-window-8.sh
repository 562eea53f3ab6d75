#!/bin/sh
# SPDX-License-Identifier: MIT
# Node, zlib: a raw deflate stream with `windowBits: 8` has a window of 9 bits.
# Guess: what the option says (permessage-deflate counts from 8, RFC 7692),
# or an error, as in Python. Seen: byte for byte what 9 gives, and the header
# of the zlib format says so too. A peer that keeps 256 bytes, as was agreed,
# cannot read what refers to something before.
. "$(dirname "$0")/lib/findings.sh"
debian nodejs python3
cat >"$folder/window.mjs" <<'END'
import zlib from 'node:zlib';
const text = Buffer.from(Array.from({ length: 2000 },
  (_, i) => (i * i * 7919) % 251).concat(Array(600).fill(7)));
const raw = (windowBits) => zlib.deflateRawSync(text, { windowBits });
console.log('8 is the same as 9:', raw(8).equals(raw(9)));
console.log('9 is the same as 10:', raw(9).equals(raw(10)));
const [head] = zlib.deflateSync(text, { windowBits: 8 });
console.log('window of the header:', 1 << ((head >> 4) + 8));
END
node "$folder/window.mjs" | expect node \
'8 is the same as 9: true
9 is the same as 10: false
window of the header: 512'
/usr/bin/python3 -c '
import zlib
try:
    zlib.compressobj(wbits=-8)
except ValueError as error:
    print(error)
' | expect python3 'Invalid initialization option'
