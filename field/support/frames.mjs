// SPDX-License-Identifier: MIT
// Reads a stream of WebSocket frames without touching it: `feed` takes bytes
// and calls `onFrame` as soon as a frame is complete. The payload of data
// frames is not kept, that of control frames is, unmasked.

export class FrameReader {
  #rest = Buffer.alloc(0);
  #skip = 0; // bytes of a data frame that are still to come
  #frame = null; // the data frame they belong to

  constructor(onFrame) {
    this.onFrame = onFrame;
  }

  /** Whether the stream stands between two frames. */
  get isBetween() {
    return this.#skip === 0 && this.#rest.length === 0;
  }

  feed(bytes) {
    let data = this.#rest.length ? Buffer.concat([this.#rest, bytes]) : bytes;
    for (;;) {
      const skipped = Math.min(this.#skip, data.length);
      this.#skip -= skipped;
      data = data.subarray(skipped);
      if (this.#skip) break;
      if (this.#frame) this.onFrame(this.#frame);
      this.#frame = null;
      const next = this.#begin(data);
      if (next < 0) break;
      data = data.subarray(next);
    }
    this.#rest = Buffer.from(data);
  }

  /** Takes a header, and a control frame as a whole; -1: too few bytes. */
  #begin(data) {
    if (data.length < 2) return -1;
    const frame = {
      isLast: (data[0] & 0x80) !== 0,
      isCompressed: (data[0] & 0x40) !== 0,
      opcode: data[0] & 15,
      isMasked: (data[1] & 0x80) !== 0,
      length: data[1] & 127,
    };
    let at = 2;
    if (frame.length === 126) at = 4;
    if (frame.length === 127) at = 10;
    const mask = at;
    if (frame.isMasked) at += 4;
    if (data.length < at) return -1;
    if (mask === 4) frame.length = data.readUInt16BE(2);
    if (mask === 10) frame.length = Number(data.readBigUInt64BE(2));
    if (frame.opcode < 8) {
      this.#frame = frame;
      this.#skip = frame.length;
      return at;
    }
    if (data.length < at + frame.length) return -1;
    frame.payload = Buffer.from(data.subarray(at, at + frame.length));
    for (let i = 0; frame.isMasked && i < frame.length; i++) {
      frame.payload[i] ^= data[mask + (i & 3)];
    }
    this.onFrame(frame);
    return at + frame.length;
  }
}

/** What a close frame says: "1000 bye"; "no code" if it is empty. */
export function closeText(frame) {
  if (frame.length < 2) return 'no code';
  const reason = frame.payload.subarray(2).toString();
  return `${frame.payload.readUInt16BE(0)} ${reason}`.trim();
}
