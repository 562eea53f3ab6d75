// SPDX-License-Identifier: MIT
// How long things take: percentiles from the server's histograms.

import { html } from 'htm/preact';
import { count, duration, rate } from './format.js';
import { Plot } from './plot.js';

export const WINDOW_MS = { table: 60000, plot: 10000 };
const ROWS = 12; // handlers that are shown

/** What has come since: bucket by bucket. */
export const grown = (now, before) =>
  now.map((n, i) => Math.max(0, n - (before?.[i] ?? 0)));

const sum = (counts) => counts.reduce((all, n) => all + n, 0);

/** The time that `share` of all did not exceed, in seconds, as far as buckets
 * tell; null: there was none; Infinity: longer than the last bound. */
export function percentile(counts, bounds, share) {
  const wanted = sum(counts) * share;
  if (wanted === 0) return null;
  let seen = 0;
  for (let i = 0; i < bounds.length; i++) {
    if (seen + counts[i] >= wanted) {
      const from = i === 0 ? 0 : bounds[i - 1];
      return from + (bounds[i] - from) * (wanted - seen) / counts[i];
    }
    seen += counts[i];
  }
  return Infinity;
}

/** Of a family without labels, between two answers: 99 of 100, in ms. */
export function lag(family, before, bounds) {
  const p99 = percentile(grown(family[''] ?? [], before?.['']), bounds, .99);
  const most = bounds.at(-1);
  return Math.min(p99 ?? 0, most) * 1000;
}

/** Handlers that were called since, the slowest first. */
export function handlersSince(now, before, seconds) {
  const { bounds_s: bounds } = now;
  return Object.entries(now.handlers).map(([type, counts]) => {
    const fresh = grown(counts, before?.handlers[type]);
    return { type, calls: sum(fresh), each: sum(fresh) / seconds,
      p50: percentile(fresh, bounds, .5), p99: percentile(fresh, bounds, .99) };
  }).filter(({ calls }) => calls > 0).sort((a, b) => b.p99 - a.p99);
}

const took = (s, bounds) => (s === Infinity
  ? `over ${duration(bounds.at(-1) * 1000)}` : duration(s * 1000));

function Handlers({ rows, bounds }) {
  return html`<section class="card"><h2>Handlers in the last minute</h2>
    ${rows.length === 0 ? html`<p class="dim">None was called. Each handler and
      hook stands here while it is used: how often, and how long it takes,
      waiting included. Half of the calls are done in p50, 99 of 100 in p99.</p>`
      : html`<div class="scroll" tabindex="0" role="region" aria-label="Handlers">
      <table><thead><tr><th scope="col">Handler</th>
        <th scope="col" class="n">Calls/s</th><th scope="col" class="n">
        <abbr title="half of the calls are done in this time">p50</abbr></th>
        <th scope="col" class="n"><abbr title="99 of 100 calls are done in this
          time">p99</abbr></th></tr></thead><tbody>
      ${rows.slice(0, ROWS).map(({ type, each, p50, p99 }) => html`<tr key=${type}>
        <th scope="row"><a class="mono" href=${`#/trace/type/${
          encodeURIComponent(type)}`} title="Follow it in Trace">${type}</a></th>
        <td class="n">${rate(each)}</td><td class="n">${took(p50, bounds)}</td>
        <td class="n">${took(p99, bounds)}</td></tr>`)}</tbody></table></div>
      ${rows.length > ROWS && html`<p class="dim small">and ${count(rows.length
        - ROWS)} faster ones</p>`}`}</section>`;
}

export function Late({ now, times, lines }) {
  return html`<div class="plots"><${Plot} title="How late, 99 of 100" fine
      times=${times} format=${duration} least=${1} lines=${[
        { name: 'delivery', ink: '--accent', fill: '--wash',
          values: lines.delivery },
        { name: 'loop', ink: '--second', values: lines.turn }]} />
    <${Handlers} rows=${now.handlers} bounds=${now.timings.bounds_s} /></div>`;
}
