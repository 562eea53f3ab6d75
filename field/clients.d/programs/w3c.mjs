// SPDX-License-Identifier: MIT
// All that have the interface of browsers: `w3c.mjs LIBRARY URL AUTH`. Runs in
// Node, Bun and Deno; LIBRARY is a package of the working folder, or `global`.

async function load(name) {
  const { createRequire } = await import('node:module');
  return createRequire(`${process.cwd()}/`)(name);
}

const makers = {
  global: async (url) => new WebSocket(url),
  'faye-websocket': async (url) =>
    new (await load('faye-websocket')).Client(url),
  websocket: async (url) => new (await load('websocket')).w3cwebsocket(url),
  undici6: async (url) => new (await load('undici6')).WebSocket(url),
  undici7: async (url) => new (await load('undici7')).WebSocket(url),
  undici8: async (url) => new (await load('undici8')).WebSocket(url),
  'reconnecting-websocket': async (url) => {
    const Class = await load('reconnecting-websocket');
    return new Class(url, [], { WebSocket: await load('ws8') });
  },
  partysocket: async (url) => {
    const { default: Class } = await load('partysocket/ws');
    return new Class(url, [], { WebSocket: await load('ws8') });
  },
};

const [library, url, auth] = process.argv.slice(2);
const make = makers[library] ?? (async (to) => new (await load(library))(to));
const socket = await make(url);
const SAY = '{"type":"field.say","data":';
socket.onopen = () => socket.send(auth);
socket.onmessage = ({ data }) => {
  console.log(`got ${new TextEncoder().encode(data).length}`);
  if (data.startsWith(SAY)) socket.send(data.slice(SAY.length, -1));
  if (data.startsWith('{"type":"field.bye"')) socket.close(1000);
};
socket.onerror = (event) => {
  console.log(`error ${event.message || event.error?.message || 'event'}`);
};
socket.onclose = ({ code, reason, wasClean }) => {
  console.log(`closed ${code} ${reason} wasClean=${wasClean}`);
  setTimeout(() => process.exit(), 50);
};
