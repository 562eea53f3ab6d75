// SPDX-License-Identifier: MIT
// Builds perigee.js (an ES module), perigee.global.js (window.Perigee), and for
// `require` perigee.cjs with its types. They are kept in the repository: the
// server has the first two inside, and neither building it nor installing the
// client from here must need a build.

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// Names between the files of src/, which are long for those who read them:
// neither the application nor the server ever sees one.
export const INTERNAL = ['accepted', 'askNext', 'canSend', 'catching',
  'disconnected', 'giveUp', 'hasOwn', 'isAlive', 'isAnswered', 'isAsked',
  'isBehind', 'isHeard', 'isPending', 'isRefused', 'removeOwn', 'sessionLost',
  'shouldAsk', 'slowDown', 'takenOut', 'unsure'];

/** The files as { name: text }, not written. */
export async function bundle() {
  const files = {};
  const formats = {
    'perigee.js': { format: 'esm' },
    'perigee.global.js': { format: 'iife', globalName: 'Perigee' },
    'perigee.cjs': { format: 'cjs' },
  };
  for (const [name, options] of Object.entries(formats)) {
    const { outputFiles } = await build({
      entryPoints: [here('src/index.js')], bundle: true, minify: true,
      target: 'es2022', charset: 'utf8', write: false,
      mangleProps: new RegExp(`^(${INTERNAL.join('|')})$`),
      banner: { js: '// SPDX-License-Identifier: MIT' }, ...options,
    });
    files[name] = outputFiles[0].text;
  }
  files['index.d.cts'] = await readFile(here('index.d.ts'), 'utf8');
  return files;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(await bundle())) {
    await writeFile(here(name), text);
  }
}
