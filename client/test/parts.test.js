// SPDX-License-Identifier: MIT
// The parts that need no server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff } from '../src/backoff.js';
import { address, bytesOf, decode } from '../src/codec.js';
import { isFinal } from '../src/codes.js';
import { Emitter } from '../src/emitter.js';
import { Timers } from '../src/timers.js';
import { Watchdog } from '../src/watchdog.js';
import { FakeClock } from './clock.js';

test('backoff spreads between a floor and a doubling ceiling', () => {
  const ends = (attempt) => [0, 1].map((random) =>
    backoff(attempt, 500, 20000, () => random));
  assert.deepEqual(ends(0), [500, 1000]);
  assert.deepEqual(ends(1), [500, 2000]);
  assert.deepEqual(ends(4), [500, 16000]);
  assert.deepEqual(ends(5), [500, 20000]);
  assert.deepEqual(ends(5000), [500, 20000]);
});

test('an address may be ws, http or a path on the page', (t) => {
  assert.equal(address('ws://a.example'), 'ws://a.example/ws');
  assert.equal(address('https://a.example/x?y=1#z'), 'wss://a.example/x?y=1');
  assert.equal(address('http://a.example:81/'), 'ws://a.example:81/ws');
  assert.throws(() => address('/ws'), TypeError);
  globalThis.location = { href: 'https://page.example/deep/page.html' };
  t.after(() => delete globalThis.location);
  assert.equal(address(), 'wss://page.example/ws');
  assert.equal(address('/other'), 'wss://page.example/other');
});

test('what is no envelope is no message', () => {
  for (const text of ['', '{', '7', 'null', '[]', '{"type":7}']) {
    assert.equal(decode(text), null, text);
  }
  assert.deepEqual(decode('{"type":"a","data":[]}'), { type: 'a', data: [] });
});

test('length is counted in bytes', () => {
  assert.deepEqual(['aaaa', 'ä', '€', '🌙', ''].map(bytesOf), [4, 2, 3, 4, 0]);
});

test('the close-code range decides', () => {
  const verdicts = [1000, 1006, 4000, 4499, 4500, 4999, 5000, null];
  assert.deepEqual(verdicts.map(isFinal),
    [false, false, false, false, true, true, false, false]);
});

test('a listener may leave while its event is delivered', () => {
  const events = new Emitter();
  const heard = [];
  const off = events.on('x', () => {
    off();
    heard.push('first');
  });
  events.on('x', () => heard.push('second'));
  events.emit('x');
  events.emit('x');
  assert.deepEqual(heard, ['first', 'second', 'second']);
});

test('a listener that throws is reported and harms nobody', (t) => {
  const report = t.mock.method(console, 'error', () => {});
  const events = new Emitter();
  let heard = 0;
  events.on('x', () => {
    throw new Error('mine');
  });
  events.on('x', () => heard++);
  events.emit('x');
  assert.equal(heard, 1);
  assert.equal(report.mock.calls[0].arguments[0].message, 'mine');
});

test('a timer longer than setTimeout can count still fires in time', () => {
  const clock = new FakeClock();
  const month = 30 * 86400000;
  const asked = [];
  const timers = new Timers({ ...clock, setTimeout: (fn, ms) => {
    asked.push(ms);
    return clock.setTimeout(fn, ms);
  } });
  let fired = false;
  timers.set('x', month, () => (fired = true));
  clock.advance(month - 1);
  assert.equal(fired, false);
  clock.advance(1);
  assert.equal(fired, true);
  assert.ok(asked.every((ms) => ms < 2 ** 31));
});

function kennel() {
  const clock = new FakeClock();
  const log = [];
  const dog = new Watchdog(clock, new Timers(clock), () => log.push('ping'),
    () => log.push('dead'));
  return { clock, log, dog };
}

test('silence for the whole limit is death, a frame within it is not', () => {
  const { clock, log, dog } = kennel();
  dog.start(35000);
  clock.advance(30000);
  dog.heard();
  clock.advance(34999);
  assert.deepEqual(log, []);
  clock.advance(1);
  assert.deepEqual(log, ['dead']);
});

test('a watchdog that overslept asks before it judges', () => {
  const { clock, log, dog } = kennel();
  dog.start(35000);
  clock.sleep(3600000);
  assert.deepEqual(log, ['ping']);
  dog.heard();
  clock.advance(30000);
  assert.deepEqual(log, ['ping']);
});

test('a probe without an answer is death', () => {
  const { clock, log, dog } = kennel();
  dog.start(35000);
  dog.probe();
  clock.advance(5000);
  assert.deepEqual(log, ['ping', 'dead']);
});

test('off and unsubscribing each take off what they are for', () => {
  const events = new Emitter();
  let heard = 0;
  const fn = () => heard++;
  const [off] = [events.on('x', fn), events.on('x', fn)];
  off();
  off();
  events.emit('x');
  assert.equal(heard, 1);
  events.on('x', fn, () => assert.fail('off takes the original'));
  events.off('x', fn);
  events.emit('x');
  assert.equal(heard, 1);
});
