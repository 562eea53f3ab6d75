// SPDX-License-Identifier: MIT
// permessage-deflate with the implementations that people have: that of the
// package ws, and a browser's.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import WebSocket from 'ws';
import { useBrowser } from './browser.js';
import { Server, token } from './server.js';

const browser = useBrowser();
const TERMS = 'permessage-deflate; server_no_context_takeover; ' +
  'client_no_context_takeover';
const LENGTHS = [0, 1, 100, 600, 5000, 30000];

const text = (length) => 'Grüße aus dem All. '.repeat(2000).slice(0, length);

// Without pings, which come at a random time: every message is an answer.
const serve = (t) => Server.start(t, { 'deflate.enabled': true,
  'heartbeat.interval_s': 3600, 'limits.messages_per_s': 0,
  'limits.bytes_per_s': 0 });

/** Asks for an echo of each; returns what came back. */
async function converse(socket, auth, data) {
  const answers = [];
  for (const [i, message] of [auth, ...data.map((part, id) =>
    ({ type: 'test.echo', id: id + 1, data: part }))].entries()) {
    socket.send(JSON.stringify(message));
    const got = await new Promise((resolve) => {
      socket.onmessage = (event) => resolve(JSON.parse(event.data));
    });
    if (i > 0) answers.push(got.data);
  }
  return answers;
}

for (const [name, options] of Object.entries({
  'with what ws offers': true,
  'without contexts': { serverNoContextTakeover: true,
    clientNoContextTakeover: true, threshold: 0 },
  'with a small window': { clientMaxWindowBits: 9, threshold: 0 },
})) {
  test(`ws understands the server and it ws, ${name}`, async (t) => {
    const server = await serve(t);
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`,
      { perMessageDeflate: options });
    t.after(() => socket.terminate());
    await once(socket, 'open');
    assert.equal(socket.extensions, 'permessage-deflate');
    const parts = [...LENGTHS, ...LENGTHS].map(text);
    const auth = { type: 'auth', data: { token: token('alice') } };
    assert.deepEqual(await converse(socket, auth, parts), parts);
  });
}

test('a browser takes it by itself', async (t) => {
  const server = await serve(t);
  const page = await browser().newPage();
  await page.goto(`${server.url}/healthz`);
  const parts = [...LENGTHS, ...LENGTHS].map(text);
  const auth = { type: 'auth', data: { token: token('alice') } };
  const got = await page.evaluate(async ([code, first, data]) => {
    const socket = new WebSocket(`ws://${location.host}/ws`);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onclose = reject;
    });
    const talk = new Function(`return ${code}`)();
    return [socket.extensions, await talk(socket, first, data)];
  }, [converse.toString(), auth, parts]);
  assert.deepEqual(got, [TERMS, parts]);
});
