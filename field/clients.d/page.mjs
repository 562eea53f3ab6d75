// SPDX-License-Identifier: MIT
// What was measured of the clients, as a page.
import { readFileSync } from 'node:fs';

const SIZES = [[1 << 20, 'MiB'], [1 << 10, 'KiB']];

function size({ bytes, isAll }) {
  if (isAll) return '16 MiB or more';
  for (const [unit, name] of SIZES) {
    if (bytes + 1 >= unit) {
      const rest = bytes % unit;
      if (rest === 0) return `${bytes / unit} ${name}`;
      if (rest === unit - 1) return `${(bytes + 1) / unit} ${name} − 1 byte`;
      return `over ${Math.floor(bytes / unit)} ${name}`;
    }
  }
  return '–';
}

/** Without what changes from run to run, and fit for a table. */
const clean = (text) => (text ?? '')
  .replace(/127\.0\.0\.1:\d+(->127\.0\.0\.1:\d+)?/g, 'ADDRESS')
  .replace(/ at \/usr\/\S+ line \d+\.?/g, '')
  .replace(/\s+/g, ' ').replace(/\|/g, '\\|').trim();
const told = (text) => (text ? `\`${clean(text).replace(/`/g, "'")}\`` : '');

function compression({ talk, deflated }) {
  const { offer, taken, clientCompressed, serverCompressed } = deflated.seen;
  if (!offer) return 'not offered';
  if (!taken) return `not taken: \`${offer}\``;
  if (!deflated.ok && deflated.fault !== talk.fault) return `**offered, fails**: ${told(deflated.told)}`;
  const both = clientCompressed && serverCompressed;
  if (both) return 'both ways';
  return serverCompressed ? 'only by the server' : 'agreed, never used';
}

function conversation({ talk, row, fault }) {
  if (talk.ok) return 'yes';
  return fault ? `**${clean(talk.fault)}**` : row.note;
}

const pings = ({ pong, pings: count, every }) =>
  `${count ? `every ${every} s` : 'no'}${pong ? '' : '; answers none'}`;

function table(results) {
  const lines = [
    '| client | version | conversation | largest message | '
      + 'parts | pings | compression |',
    '|---|---|---|---|---|---|---|',
  ];
  for (const result of results) {
    const { row, version, largest } = result;
    lines.push(result.talk ? `| ${row.name} | ${version} | ${
      conversation(result)} | ${size(largest)} | ${
      largest.parts ? 'yes' : 'no'} | ${pings(result.idle)} | ${
      compression(result)} |`
      : `| ${row.name} | ${version ?? ''} | not run: ${
        clean(result.fault)} |||||`);
  }
  return lines.join('\n');
}

function endings(results) {
  const lines = [
    '| client | lost: end of file | lost: reset | closed 4321 by the server | '
      + 'a message over the limit |',
    '|---|---|---|---|---|',
  ];
  for (const { row, talk, end, reset, shut, largest } of results) {
    if (!talk || talk.fault.startsWith('no login')) continue;
    const above = largest.isAll ? '–' : `${told(largest.told)}, sends ${
      clean(largest.close)}`;
    lines.push(`| ${row.name} | ${told(end)} | ${told(reset)} | ${
      told(shut.told)} | ${above} |`);
  }
  return lines.join('\n');
}

/** The page: the text of page.md with its tables filled in. */
export function page(results) {
  const text = readFileSync(new URL('page.md', import.meta.url), 'utf8');
  return text
    .replace('DATE', new Date().toISOString().slice(0, 10))
    .replace('TABLE', () => table(results))
    .replace('ENDINGS', () => endings(results));
}
