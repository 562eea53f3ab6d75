// SPDX-License-Identifier: MIT
// A WebSocket client over a plain or TLS socket that does what it is told and
// nothing by itself, but to answer pings of the WebSocket layer.
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';

const HANDSHAKE = ['Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade',
  'Sec-WebSocket-Version: 13'].join('\r\n');

// A masked frame, as clients send them.
export function frame(opcode, payload) {
  const size = payload.length;
  const wide = size < 126 ? 0 : size < 65536 ? 2 : 8;
  const out = Buffer.allocUnsafe(2 + wide + 4 + size);
  out[0] = 0x80 | opcode;
  out[1] = 0x80 | (wide === 0 ? size : wide === 2 ? 126 : 127);
  if (wide === 2) out.writeUInt16BE(size, 2);
  if (wide === 8) out.writeBigUInt64BE(BigInt(size), 2);
  const mask = randomBytes(4);
  mask.copy(out, 2 + wide);
  for (let i = 0, at = 6 + wide; i < size; i++, at++)
    out[at] = payload[i] ^ mask[i & 3];
  return out;
}

// `on` has: open(), message(text), closed(code or null): without a close frame.
export class Wire {
  constructor(port, { secure = false, path = '/ws', on }) {
    this.on = on;
    this.buffer = Buffer.alloc(0);
    this.isOpen = this.isOver = false;
    this.code = null;
    this.socket = secure
      ? tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
      : net.connect({ port, host: '127.0.0.1' });
    this.socket.setNoDelay(true);
    this.socket.once(secure ? 'secureConnect' : 'connect', () => {
      const key = randomBytes(16).toString('base64');
      this.socket.write(`GET ${path} HTTP/1.1\r\n${HANDSHAKE}\r\nSec-WebSocket-Key: ${key}\r\n\r\n`);
    });
    this.socket.on('data', (bytes) => this.#read(bytes));
    this.socket.on('error', () => {});
    this.socket.on('end', () => this.socket.destroy());
    this.socket.on('close', () => this.#end());
  }

  send(text) {
    if (!this.isOver) this.socket.write(frame(1, Buffer.from(text)));
  }

  // Sends a close frame, with this code or none.
  close(code) {
    const payload = Buffer.alloc(code ? 2 : 0);
    if (code) payload.writeUInt16BE(code);
    this.socket.write(frame(8, payload));
  }

  // Forgets the connection: nothing more is heard of it.
  drop() {
    this.isOver = true;
    this.socket.destroy();
  }

  // The same, but the other side sees nothing of it.
  abandon(ms) {
    this.isOver = true;
    this.socket.pause();
    setTimeout(() => this.socket.destroy(), ms);
  }

  #end() {
    if (this.isOver) return;
    this.isOver = true;
    this.on.closed(this.code);
  }

  #read(bytes) {
    this.buffer = this.buffer.length
      ? Buffer.concat([this.buffer, bytes]) : bytes;
    while (!this.isOver && (this.isOpen ? this.#frame() : this.#head()));
  }

  #head() {
    const end = this.buffer.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const head = this.buffer.toString('latin1', 0, end);
    this.buffer = this.buffer.subarray(end + 4);
    if (!head.startsWith('HTTP/1.1 101 ')) {
      this.refused = head.split('\r\n')[0];
      this.socket.destroy();
      return false;
    }
    this.isOpen = true;
    this.on.open();
    return true;
  }

  // Takes one frame; false if there is no whole one. The server does not
  // fragment.
  #frame() {
    const b = this.buffer;
    if (b.length < 2) return false;
    let size = b[1] & 127, at = 2;
    if (size === 126) {
      if (b.length < 4) return false;
      size = b.readUInt16BE(2), at = 4;
    } else if (size === 127) {
      if (b.length < 10) return false;
      size = Number(b.readBigUInt64BE(2)), at = 10;
    }
    if (b.length < at + size) return false;
    const payload = b.subarray(at, at + size);
    this.buffer = b.subarray(at + size);
    this.#take(b[0], payload);
    return true;
  }

  #take(first, payload) {
    if (first === 0x81) {
      this.on.message(payload.toString());
    } else if (first === 0x88) {
      this.code = payload.length >= 2 ? payload.readUInt16BE() : 1005;
      this.socket.end(frame(8, payload.subarray(0, 2)));
    } else if (first === 0x89) {
      this.socket.write(frame(10, payload));
    } else {
      this.on.message(`frame ${first.toString(16)} of ${payload.length} bytes`);
    }
  }
}
