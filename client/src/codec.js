// SPDX-License-Identifier: MIT
// Envelopes to text and back, and the address to send them to.

/** Throws what JSON.stringify throws: a cycle or a BigInt is a mistake. */
export const encode = (type, data, id) => JSON.stringify({ type, data, id });

/** The envelope in `text`, or null if there is none. */
export function decode(text) {
  try {
    const message = JSON.parse(text);
    return typeof message?.type === 'string' ? message : null;
  } catch {
    return null;
  }
}

/** Bytes of `text` in UTF-8. */
export const bytesOf = (text) => new TextEncoder().encode(text).length;

/** The ws address for `ws(s)://…`, `http(s)://…` or a path of the page. */
export function address(url = '/ws') {
  const full = new URL(url, globalThis.location?.href);
  full.protocol = full.protocol.replace('http', 'ws');
  full.hash = '';
  if (full.pathname === '/') full.pathname = '/ws';
  return full.href;
}
