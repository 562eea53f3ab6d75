// SPDX-License-Identifier: MIT
// Numbers with their units, and times in words.

const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { notation: 'compact',
  maximumSignificantDigits: 3 });

/** 1,234; from 100,000 on 123K. */
export const count = (n) =>
  (Math.abs(n) < 100000 ? whole : short).format(Math.round(n));

/** A rate: 0.5, 12.3, 1,234. */
export const rate = (n) =>
  (n > 0 && n < 100 ? String(Number(n.toFixed(1))) : count(n));

/** A number and its unit: ['1.5', 'MiB']. */
export function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  for (; n >= 1000 && i < units.length - 1; i++) n /= 1024;
  return [i === 0 || n >= 100 ? String(Math.round(n)) : n.toFixed(1), units[i]];
}

export const size = (n) => bytes(n).join(' ');

/** Milliseconds: 250 µs, 1.5 ms, 120 ms, 2.4 s. */
export function duration(ms) {
  const short = (n) => String(Number(n.toPrecision(2)));
  if (ms === 0) return '0 ms';
  if (ms < .95) return `${short(ms * 1000)} µs`;
  return ms < 995 ? `${short(ms)} ms` : `${short(ms / 1000)} s`;
}

/** One thing, two things. */
export const many = (n, one, more = `${one}s`) =>
  `${count(n)} ${n === 1 ? one : more}`;

/** A time that has passed, in words: 3 minutes. */
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return many(s, 'second');
  if (s < 3600) return many(Math.floor(s / 60), 'minute');
  if (s < 86400 * 2) return many(Math.floor(s / 3600), 'hour');
  return many(Math.floor(s / 86400), 'day');
}

/** Since when, in words. */
export const ago = (at) =>
  (Date.now() - at < 5000 ? 'just now' : `${span(Date.now() - at)} ago`);

/** A moment, exactly. */
export const moment = (at) => new Date(at).toLocaleString(undefined,
  { dateStyle: 'medium', timeStyle: 'medium' });

export const clock = (at) => new Date(at).toLocaleTimeString(undefined,
  { hour: '2-digit', minute: '2-digit', second: '2-digit' });
