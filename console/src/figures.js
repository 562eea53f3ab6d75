// SPDX-License-Identifier: MIT
// The server's figures, once a second: what is now, and the last minutes.

import { useEffect, useState } from 'preact/hooks';
import { handlersSince, lag, WINDOW_MS } from './late.js';
import { ask } from './server.js';

const POINTS = 300;
const EVERY_MS = 1000;

/** Names of the lines that are kept. */
const LINES = ['connections', 'in', 'out', 'memory', 'queue', 'delivery',
  'turn'];

const watchers = new Set();
let timer;
let before;
/** Histograms of the last minute: { at, timings }, the oldest first. */
let kept = [];

export const figures = {
  now: null, // the last answer, summed up
  first: null, // the first one, since this page is open
  failed: null, // since when there is no answer, in milliseconds
  times: [], // of the points, in seconds
  lines: Object.fromEntries(LINES.map((name) => [name, []])),
};

const isNumber = (value) => typeof value === 'number';

/** All workers together. */
function sum(stats) {
  const total = {};
  for (const worker of stats.workers) {
    for (const [name, value] of Object.entries(worker)) {
      if (isNumber(value)) total[name] = (total[name] ?? 0) + value;
    }
  }
  return total;
}

function push(at, values) {
  figures.times.push(at);
  for (const name of LINES) figures.lines[name].push(values[name]);
  if (figures.times.length <= POINTS) return;
  figures.times.shift();
  for (const name of LINES) figures.lines[name].shift();
}

/** The newest one that is so old; the oldest, if none is. */
const keptSince = (at, ms) =>
  kept.findLast((one) => at - one.at >= ms) ?? kept[0];

/** How long things took, for a table and for lines. */
function times(at, { timings }, since) {
  if (!since) kept = [];
  const { table, plot } = WINDOW_MS;
  const long = keptSince(at, table);
  const short = keptSince(at, plot);
  const line = (name) => lag(timings[name], short?.timings[name],
    timings.bounds_s);
  kept = kept.filter((one) => at - one.at < table + 2 * EVERY_MS);
  kept.push({ at, timings });
  return { handlers: handlersSince(timings, long?.timings,
    long ? (at - long.at) / 1000 : table / 1000), delivery: line('deliveries'),
  turn: line('turns') };
}

function take(stats) {
  const at = performance.now();
  const total = sum(stats);
  const since = before && before.stats.started === stats.started && before;
  const passed = since ? (at - since.at) / 1000 : 0;
  const each = (name) =>
    (since ? Math.max(0, total[name] - since.total[name]) / passed : 0);
  const took = times(at, stats, since);
  const now = { ...stats, total, handlers: took.handlers, in: each('messages_in'),
    out: each('frames_out'), bytesIn: each('bytes_in'),
    bytesOut: each('bytes_out') };
  if (!since) figures.first = now;
  before = { at, total, stats };
  figures.now = now;
  figures.failed = null;
  push(Date.now() / 1000, { connections: total.connections, in: now.in,
    out: now.out, memory: stats.memory_bytes, queue: total.queue_bytes,
    delivery: took.delivery, turn: took.turn });
}

async function poll() {
  try {
    take(await ask('GET', '/stats'));
  } catch {
    figures.failed ??= Date.now();
  }
  for (const watcher of watchers) watcher({});
}

export function startFigures() {
  if (timer) return;
  poll();
  timer = setInterval(poll, EVERY_MS);
}

export function stopFigures() {
  clearInterval(timer);
  timer = undefined;
}

/** The figures, for a component that is drawn again with each of them. */
export function useFigures() {
  const [, draw] = useState();
  useEffect(() => {
    watchers.add(draw);
    return () => watchers.delete(draw);
  }, []);
  return figures;
}
