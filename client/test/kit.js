// SPDX-License-Identifier: MIT
// What the conversations need: clients that end with their test, and waiting.

import { WebSocket } from 'ws';
import { SocketClient } from '../src/index.js';
import { FakeClock } from './clock.js';
import { Fake } from './fake.js';

/** A client that the test closes. */
export function open(t, url, options = {}) {
  const client = new SocketClient(url, { WebSocket, token: 'good', ...options });
  t.after(() => client.close());
  return client;
}

/** A fake server, a client of it on a clock that stands, both not started. */
export async function pair(t, { manners, ...options } = {}) {
  const fake = await Fake.start(manners);
  t.after(() => fake.stop());
  const clock = new FakeClock();
  const client = open(t, fake.url, { clock, random: () => 0.5, ...options });
  return { fake, clock, client };
}

/** Resolves with the first state for which `test` holds, the present one too. */
export function reach(client, test) {
  const fits = typeof test === 'function' ? test : ({ state }) => state === test;
  return new Promise((resolve) => {
    const off = client.onStateChange((state) => {
      if (!fits(state)) return;
      queueMicrotask(() => off());
      resolve(state);
    });
  });
}

/** Resolves with the data of the next message of that type. */
export const next = (client, type) =>
  new Promise((resolve) => client.once(type, resolve));

/** Lets every promise that is ready go on. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/**
 * Loses the connection of a pair, and waits until the client has another one.
 */
export async function blink({ fake, clock, client }, meanwhile = () => {}) {
  fake.cut();
  const { nextAttemptAt } = await reach(client, 'waiting');
  await meanwhile();
  clock.advance(nextAttemptAt - clock.now());
  await reach(client, 'ready');
}
