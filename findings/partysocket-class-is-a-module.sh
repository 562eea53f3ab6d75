#!/bin/sh
# SPDX-License-Identifier: MIT
# npm's partysocket 1.3.0: `require('partysocket').WebSocket` is no class.
# Guess: what `import { WebSocket } from 'partysocket'` gives. Seen: an object
# whose `default` is the class; with import it is the class itself.
. "$(dirname "$0")/lib/findings.sh"
npm_packages partysocket@1.3.0
cat >"$folder/kinds.mjs" <<'END'
import { createRequire } from 'node:module';
import { WebSocket } from 'partysocket';
const required = createRequire(import.meta.url)('partysocket').WebSocket;
console.log('import:', typeof WebSocket);
console.log('require:', typeof required, typeof required.default);
END
(cd "$folder" && node kinds.mjs) | expect node 'import: function
require: object function'
