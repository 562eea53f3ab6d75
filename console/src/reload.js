// SPDX-License-Identifier: MIT
// Reload: what would change, and doing it, on this machine or on all.

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

/** `where`: of which machines this is, if there are several. */
function Good({ answer, isDone, where = '' }) {
  return html`<section class="card"><h2>${isDone ? 'What has changed'
    : 'What would change'}${where}</h2><${Changes} answer=${answer} /></section>
    <${Verdicts} mood="bad" list=${answer.breaking}
      title=${`would break clients that are out there${where}`} />
    <${Verdicts} mood="good" list=${answer.compatible}
      title=${`that clients do not notice${where}`} />`;
}

function Mistake({ answer, name }) {
  const { file, line, message } = answer;
  return html`<section class="card mistake" role="alert">
    <h2><span class="pill bad">${name ?? 'mistake'}</span> ${file
      ? html`<code>${file}${line && `:${line}`}</code>` : 'This does not work'}</h2>
    <pre>${message ?? answer.detail}</pre>
    <p class="dim">${answer.live ? `Generation ${answer.generation} is live all
      the same, as the one before was stopped.` : answer.generation
      ? `Nothing has changed: generation ${answer.generation} goes on.` : ''}</p>
  </section>`;
}

/* Several machines: `nodes` of an answer, which is described in
 * docs/operations.md. */

function Machine({ name, answer, isDone }) {
  const found = `${many(answer.files, 'file')}, ${many(answer.handlers, 'handler')}`;
  return html`<tr><th scope="row">${name}</th>
    <td><span class=${`pill ${answer.ok ? 'good' : 'bad'}`}>${
      !answer.ok ? 'mistake' : isDone ? 'live' : 'good'}</span></td>
    <td>${!answer.ok ? answer.message : isDone
      ? `Generation ${answer.generation} is live: ${found}.`
      : `It could load ${found}.`}</td></tr>`;
}

/** What an answer says of changes: a text that is the same for the same. */
const essence = (answer) => JSON.stringify([...LISTS.map(([list]) => answer[list]),
  ...[answer.breaking, answer.compatible].map((list) =>
    list?.map(({ type, text }) => `${type} ${text}`).sort())]);

/** Machines on which the same changes, together: [answer, names]. */
function alike(nodes) {
  const groups = new Map();
  for (const { name, answer } of nodes.filter((node) => node.answer.ok)) {
    const key = essence(answer);
    if (!groups.has(key)) groups.set(key, [answer, []]);
    groups.get(key)[1].push(name);
  }
  return [...groups.values()];
}

function Machines({ answer }) {
  const { nodes, loaded, message, ok } = answer;
  const groups = alike(nodes);
  return html`<section class=${`card${ok ? '' : ' mistake'}`} role=${ok ? null
    : 'alert'}><h2>${message ?? `All ${nodes.length} machines`}</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Machines">
    <table><tbody>${nodes.map((node) => html`<${Machine} key=${node.name}
      ...${node} isDone=${loaded} />`)}</tbody></table></div></section>
    ${nodes.filter((node) => node.answer.file).map((node) => html`<${Mistake}
      key=${node.name} ...${node} />`)}
    ${groups.map(([one, names]) => html`<${Good} key=${names[0]} answer=${one}
      isDone=${loaded} where=${names.length < nodes.length ? `: ${names.join(', ')}`
      : ''} />`)}`;
}

/** The answer in a few words; of what was not good, the page says more. */
function inWords({ ok, check, nodes, ...answer }) {
  if (!ok) return '';
  if (nodes) return check ? 'Good on all machines.' : 'Live on all machines.';
  return check ? `Good: ${many(answer.files, 'file')}, ${
    many(answer.handlers, 'handler')}, built in ${answer.ms} ms.`
    : `Generation ${answer.generation} is live, after ${answer.ms} ms.`;
}

/** Where: on all machines, or on the one that this page is of. */
function Where({ count, all, busy, choose }) {
  return html`<select class="where" aria-label="Where" disabled=${busy}
    value=${all ? 'all' : 'one'}
    onChange=${(event) => choose(event.target.value === 'all')}>
    <option value="all">all ${count} machines</option>
    <option value="one">only the one at ${location.host}</option></select>`;
}

export function Reload() {
  const [state, setState] = useState({ busy: true });
  const [machines, setMachines] = useState(null); // how many; 1: it is alone
  const [all, setAll] = useState(true);
  const several = machines > 1;
  const run = async (check) => {
    setState((was) => ({ ...was, busy: true }));
    try {
      const words = [check && 'check=1', several && all && 'all=1'].filter(Boolean);
      setState({ answer: await ask('POST', `/reload?${words.join('&')}`) });
    } catch (error) {
      setState({ answer: { ok: false, detail: error.message, ...error.answer } });
    }
  };
  useEffect(() => {
    ask('GET', '/nodes').then((found) => setMachines(found.nodes?.length ?? 1),
      () => setMachines(1));
  }, []);
  useEffect(() => { if (machines) run(true); }, [machines, all]);
  const { busy, answer } = state;
  const nodes = answer?.nodes?.length > 0;
  return html`<header class="head"><h1>Reload</h1><p class="lead">Scripts and
    settings as they are on disk, without losing a connection.</p></header>
    <div class="row">${several && html`<${Where} count=${machines} all=${all}
      busy=${busy} choose=${setAll} />`}
      <button disabled=${busy} onClick=${() => run(true)}>Check again</button>
      <button class="primary" disabled=${busy || answer?.ok === false && answer.check}
        onClick=${() => run(false)}>Reload now</button>
      <p class="said" role="status">${busy ? 'Building the scripts…'
        : inWords(answer)}</p>
    </div>
    ${nodes ? html`<${Machines} answer=${answer} />` : answer && (answer.ok
      ? html`<${Good} answer=${answer} isDone=${!answer.check} />`
      : html`<${Mistake} answer=${answer} />`)}`;
}
