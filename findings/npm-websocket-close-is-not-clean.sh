#!/bin/sh
# SPDX-License-Identifier: MIT
# npm's websocket 1.0.35 (w3cwebsocket): when the server closes with 4321, it
# answers 1000, and tells its user `wasClean: false`.
# Guess: the answer has the code that came, and a closing handshake that both
# sides have done was clean (as `ws` and browsers say of the same one).
. "$(dirname "$0")/lib/findings.sh"
npm_packages websocket@1.0.35 ws@8.23.0
cat >"$folder/client.cjs" <<'END'
const [url, kind] = process.argv.slice(2);
const Class = kind === 'ws' ? require('ws')
  : require('websocket').w3cwebsocket;
new Class(url).onclose = ({ code, reason, wasClean }) => {
  console.log(code, reason, wasClean);
};
END
websocket_server close=4321,reason
node "$folder/client.cjs" "$url" websocket |
  expect websocket '4321 reason false'
frames 'close code 1000'
websocket_server close=4321,reason
node "$folder/client.cjs" "$url" ws | expect ws '4321 reason true'
frames 'close code 4321'
