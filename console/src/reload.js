// SPDX-License-Identifier: MIT
// Reload: what would change, and doing it.

import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { many } from './format.js';
import { ask } from './server.js';

/** Lists of an answer, and what they mean. */
const LISTS = [
  ['added', 'good', 'Handlers that are new'],
  ['changed', 'wait', 'Handlers whose script, or a module, was changed'],
  ['removed', 'bad', 'Handlers that are gone'],
  ['options', 'wait', 'Options with another value'],
  ['restart', 'bad', 'Options that need a restart; until then they stay'],
];

function Changes({ answer }) {
  const lists = LISTS.filter(([name]) => answer[name]?.length > 0);
  if (lists.length === 0) {
    return html`<p class="dim">Nothing differs from what is live. Save a script,
      or the configuration, and check again.</p>`;
  }
  return html`<dl class="changes">${lists.map(([name, mood, title]) => html`
    <dt><span class=${`pill ${mood}`}>${name}</span> ${title}</dt>
    <dd>${answer[name].map((it) => html`<code class="chip" key=${it}>${it}</code> `)}
    </dd>`)}</dl>`;
}

function Verdicts({ title, mood, list }) {
  return list?.length > 0 && html`<section class="card"><h2><span
    class=${`pill ${mood}`}>${list.length}</span> ${title}</h2>
    <ul class="verdicts">${list.map((it) => html`<li key=${it.text}>
      <code>${it.type}</code> ${it.text}</li>`)}</ul></section>`;
}

function Mistake({ answer }) {
  const { file, line, message } = answer;
  return html`<section class="card mistake" role="alert">
    <h2><span class="pill bad">mistake</span> ${file
      ? html`<code>${file}${line && `:${line}`}</code>` : 'This does not work'}</h2>
    <pre>${message ?? answer.detail}</pre>
    <p class="dim">${answer.live ? `Generation ${answer.generation} is live all
      the same, as the one before was stopped.` : answer.generation
      ? `Nothing has changed: generation ${answer.generation} goes on.` : ''}</p>
  </section>`;
}

export function Reload() {
  const [state, setState] = useState({ busy: true });
  const run = async (check) => {
    setState((was) => ({ ...was, busy: true }));
    try {
      const answer = await ask('POST', `/reload${check ? '?check=1' : ''}`);
      setState({ answer });
    } catch (error) {
      setState({ answer: { ok: false, detail: error.message, ...error.answer } });
    }
  };
  useEffect(() => { run(true); }, []);
  const { busy, answer } = state;
  const breaks = answer?.breaking?.length > 0;
  return html`<header class="head"><h1>Reload</h1><p class="lead">Scripts and
    settings as they are on disk, without losing a connection.</p></header>
    <div class="row"><button disabled=${busy} onClick=${() => run(true)}>Check
      again</button>
      <button class="primary" disabled=${busy || answer?.ok === false && answer.check}
        onClick=${() => run(false)}>Reload now</button>
      <p class="said" role="status">${busy ? 'Building the scripts…'
        : !answer.ok ? '' : answer.check ? `Good: ${many(answer.files, 'file')}, ${
          many(answer.handlers, 'handler')}, built in ${answer.ms} ms.`
          : `Generation ${answer.generation} is live, after ${answer.ms} ms.`}</p>
    </div>
    ${answer && !answer.ok && html`<${Mistake} answer=${answer} />`}
    ${answer?.ok && html`<section class="card"><h2>${answer.check
      ? 'What would change' : 'What has changed'}</h2>
      <${Changes} answer=${answer} /></section>`}
    ${answer?.ok && html`<${Verdicts} mood="bad" list=${answer.breaking}
      title=${breaks && 'would break clients that are out there'} />
    <${Verdicts} mood="good" list=${answer.compatible}
      title="that clients do not notice" />`}`;
}
