// SPDX-License-Identifier: MIT
// Chromium without a window: `chromium.mjs URL AUTH`. The page comes from here,
// so its WebSocket goes through here as well: pages may talk to their own host.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';

const [url, auth] = process.argv.slice(2);
const { port } = new URL(url);
const profile = mkdtempSync(`${process.cwd()}/chromium-`);

function page() {
  const SAY = '{"type":"field.say","data":';
  const tell = (line) => fetch('/line', { method: 'POST', body: line });
  const socket = new WebSocket(`ws://${location.host}/ws`);
  const parts = new TextEncoder();
  let told = Promise.resolve();
  const print = (line) => { told = told.then(() => tell(line)); };
  socket.onopen = () => socket.send(AUTH);
  socket.onmessage = ({ data }) => {
    print(`got ${parts.encode(data).length}`);
    if (data.startsWith(SAY)) socket.send(data.slice(SAY.length, -1));
    if (data.startsWith('{"type":"field.bye"')) socket.close(1000);
  };
  socket.onerror = () => print('error event');
  socket.onclose = ({ code, reason, wasClean }) =>
    print(`closed ${code} ${reason} wasClean=${wasClean}`);
}
const html = `<script>const AUTH=${JSON.stringify(auth)};(${page})()</script>`;

const ok = (type, body) => `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n`
  + `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;

/** Passes bytes on, and ends or resets one side as the other was. */
function join(socket, first) {
  const relay = net.connect(port, '127.0.0.1', () => relay.write(first));
  for (const [from, to] of [[socket, relay], [relay, socket]]) {
    from.on('data', (bytes) => to.write(bytes));
    from.on('end', () => to.end());
    from.on('error', () => to.resetAndDestroy());
  }
}

const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.once('data', (first) => {
    const text = first.toString();
    if (text.startsWith('GET /ws')) {
      join(socket, first);
    } else if (text.startsWith('POST /line')) {
      let all = text;
      const look = () => {
        const [head, body] = all.split('\r\n\r\n');
        const size = Number(/content-length: (\d+)/i.exec(head)[1]);
        if (Buffer.byteLength(body ?? '') < size) return;
        console.log(body);
        socket.end(ok('text/plain', ''));
        if (body.startsWith('closed')) setTimeout(finish, 300);
      };
      socket.on('data', (more) => { all += more; look(); });
      look();
    } else {
      socket.end(ok('text/html', text.startsWith('GET / ') ? html : ''));
    }
  });
});

let browser;
function finish() {
  browser?.kill('SIGKILL');
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  process.exit();
}
process.on('SIGTERM', finish);
server.listen(0, '127.0.0.1', () => {
  browser = spawn('chromium', ['--headless', '--no-sandbox', '--disable-gpu',
    '--no-first-run', `--user-data-dir=${profile}`,
    `http://127.0.0.1:${server.address().port}/`], { stdio: 'ignore' });
});
