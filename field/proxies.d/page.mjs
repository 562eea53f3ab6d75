// SPDX-License-Identifier: MIT
// What was measured of the proxies, as a page: page.md with the table and the
// configurations filled in.
import { readFileSync } from 'node:fs';

function table(results) {
  const columns = Object.keys(results.reduce((most, { cells }) =>
    ({ ...most, ...cells }), {}));
  return [
    `| proxy | version | ${columns.join(' | ')} |`,
    `|---|---|${columns.map(() => '---|').join('')}`,
    ...results.map(({ row, version, cells }) =>
      `| ${row.name} | ${version} | ${
        columns.map((name) => cells[name] ?? '–').join(' | ')} |`),
  ].join('\n');
}

export function page(results) {
  let text = readFileSync(new URL('page.md', import.meta.url), 'utf8')
    .replace('DATE', new Date().toISOString().slice(0, 10))
    .replace('TABLE', () => table(results));
  for (const { row, text: configuration } of results) {
    text = text.replace(`{${row.file}}`,
      () => `\`\`\`\n${(configuration ?? '').trim()}\n\`\`\``);
  }
  return text;
}
