// SPDX-License-Identifier: MIT
// Builds dist/: what the server has inside, and answers at its admin address.
// It is kept in the repository, so that building the server needs no Node.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** What the authors of the libraries want to be said of them. */
async function licenses() {
  const parts = [];
  for (const name of ['preact', 'htm', 'uplot']) {
    const { version, homepage } = JSON.parse(
      await readFile(here(`node_modules/${name}/package.json`), 'utf8'));
    const text = await readFile(here(`node_modules/${name}/LICENSE`), 'utf8');
    parts.push(`${name} ${version} ${homepage ?? ''}\n\n${text.trim()}\n`);
  }
  return parts.join('\n----\n\n');
}

/** The files as { name: text }, not written. */
export async function bundle() {
  const files = {};
  const { outputFiles } = await build({
    entryPoints: { console: here('src/main.js') }, outdir: here('dist'),
    bundle: true, minify: true, format: 'esm', target: 'es2022',
    charset: 'utf8', write: false, legalComments: 'eof',
    banner: { js: '// SPDX-License-Identifier: MIT',
      css: '/* SPDX-License-Identifier: MIT */' },
  });
  for (const { path, text } of outputFiles) {
    files[path.replace(/^.*[\\/]/, '')] = text;
  }
  for (const name of ['index.html', 'icon.svg']) {
    files[name] = await readFile(here(`src/${name}`), 'utf8');
  }
  files['licenses.txt'] = await licenses();
  return files;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await mkdir(here('dist'), { recursive: true });
  for (const [name, text] of Object.entries(await bundle())) {
    await writeFile(here(`dist/${name}`), text);
  }
}
