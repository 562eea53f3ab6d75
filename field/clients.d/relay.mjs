// SPDX-License-Identifier: MIT
// Stands between one client and perigee, sees what both say, and cuts.
import net from 'node:net';
import { FrameReader, closeText } from '../support/frames.mjs';

const PING = Buffer.from([0x89, 5, ...Buffer.from('field')]);

/**
 * Listens on a free port for one client at a time. What is seen is in `seen`:
 * the client's `offer` and the server's `taken` extension, control frames,
 * and whether either side compressed or the client sent in parts.
 */
export async function startRelay(port) {
  const relay = { seen: null, url: '', onServerFrame: null };
  let pair = [];

  const header = (text, name) => new RegExp(`^${name}: *(.*?)\\r$`, 'im')
    .exec(text)?.[1] ?? '';

  /** Splits a stream into its HTTP head and frames. */
  function watch(onHead, onFrame) {
    const frames = new FrameReader(onFrame);
    let head = Buffer.alloc(0);
    let isOpen = false;
    return {
      frames,
      feed(bytes) {
        if (isOpen) return frames.feed(bytes);
        head = Buffer.concat([head, bytes]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return undefined;
        isOpen = true;
        onHead(head.subarray(0, end + 2).toString());
        return frames.feed(head.subarray(end + 4));
      },
    };
  }

  function fromClient(frame) {
    const { seen } = relay;
    if (frame.opcode === 9) seen.pings.push(Date.now());
    if (frame.opcode === 10) seen.pongs.push(frame.payload.toString());
    if (frame.opcode === 8) seen.close ??= closeText(frame);
    if (frame.isCompressed) seen.clientCompressed = true;
    if (frame.opcode < 8 && !frame.isLast) seen.clientParts = true;
  }

  function fromServer(frame) {
    if (frame.isCompressed) relay.seen.serverCompressed = true;
    relay.onServerFrame?.(frame);
  }

  const listener = net.createServer((client) => {
    const server = net.connect(port, '127.0.0.1');
    pair = [client, server];
    const up = watch((head) => {
      relay.seen.head = head;
      relay.seen.offer = header(head, 'sec-websocket-extensions');
      relay.seen.origin = header(head, 'origin');
    }, fromClient);
    const down = watch((head) => {
      relay.seen.status = head.split('\r\n')[0];
      relay.seen.taken = header(head, 'sec-websocket-extensions');
    }, fromServer);
    relay.down = down.frames;
    client.on('data', (bytes) => { up.feed(bytes); server.write(bytes); });
    server.on('data', (bytes) => { client.write(bytes); down.feed(bytes); });
    client.on('close', () => server.destroy()).on('error', () => {});
    server.on('close', () => client.end()).on('error', () => {});
  });

  relay.reset = () => {
    relay.seen = { pings: [], pongs: [], offer: '', taken: '' };
    relay.onServerFrame = null;
  };
  relay.ping = () => pair[0]?.write(PING);
  /** Ends the client's connection without a close frame. */
  relay.cut = (hard) => {
    if (hard) pair[0]?.resetAndDestroy();
    else pair[0]?.end();
  };
  relay.close = () => {
    pair.forEach((socket) => socket.destroy());
    listener.close();
  };
  relay.reset();
  await new Promise((done) => { listener.listen(0, '127.0.0.1', done); });
  relay.url = `ws://127.0.0.1:${listener.address().port}/ws`;
  return relay;
}
