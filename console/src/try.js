// SPDX-License-Identifier: MIT
// Try: a playground with two users side by side.

import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Fields, fieldsOf, valuesOf } from './form.js';
import { clock } from './format.js';
import { Line } from './line.js';
import { pretty } from './parts.js';
import { api, ask } from './server.js';
import { spec } from './spec.js';

const KEPT = 200; // entries
const room = { type: 'object', required: ['room'],
  properties: { room: { type: 'string' } } };
/** What the server itself answers. */
const OWN = { join: { ...room, description: 'Comes into a room.' },
  leave: { ...room, description: 'Leaves a room.' },
  history: { ...room, description: 'What was said in a room.' } };

/** The conversation; it stays while one looks at other views. */
const talk = { entries: [], panes: [{ number: 0, user: 'alice' },
  { number: 1, user: 'bob' }], draw: () => {} };

function note(pane, entry) {
  if (!talk.entries.includes(entry)) {
    entry.pane = pane.number;
    talk.entries.push(entry);
    if (talk.entries.length > KEPT) talk.entries.shift();
  }
  talk.draw();
}

async function connect(pane, about, user, token) {
  pane.user = user;
  pane.state = 'connecting';
  pane.error = null;
  talk.draw();
  try {
    token ||= (await api('POST', '/token', { user })).token;
  } catch (why) {
    Object.assign(pane, { state: null, error: why.message, needsToken: true });
    talk.draw();
    return;
  }
  const { port, tls } = about.clients;
  const url = `${tls ? 'wss' : 'ws'}://${location.hostname}:${port}/ws`;
  pane.met = false;
  pane.line = new Line(url, user, token, {
    log: (entry) => note(pane, entry),
    tell: (state) => {
      if (typeof state === 'string') {
        pane.state = state;
        pane.met ||= state === 'ready';
      } else {
        Object.assign(pane, { state: null, line: null, error: why(pane, state) });
      }
      talk.draw();
    },
  });
}

function why(pane, { code, reason }) {
  if (pane.left) return null;
  if (!pane.met && code === 1006) {
    return `No connection: is the server's own address within reach of this
      browser, and does the option origins let ${location.origin} in?`;
  }
  return `Closed with ${code}${reason && `: ${reason}`}`;
}

/* --- one side ------------------------------------------------------------- */

function Come({ pane, about }) {
  const submit = (event) => {
    event.preventDefault();
    if (pane.line) {
      pane.left = true;
      pane.line.close();
      return;
    }
    pane.left = false;
    const { user, token } = Object.fromEntries(new FormData(event.target));
    if (user.trim()) connect(pane, about, user.trim(), token?.trim());
  };
  const id = `user-${pane.number}`;
  return html`<form class="come" onSubmit=${submit}>
    <label for=${id}>User</label>
    <input id=${id} name="user" required maxlength="128" autocapitalize="none"
      autocomplete="off" spellcheck="false" defaultValue=${pane.user}
      readonly=${!!pane.line} />
    <button class=${pane.line ? '' : 'primary'}
      disabled=${pane.state === 'connecting'}>${pane.line ? 'Disconnect'
      : 'Connect'}</button>
    <span class=${`pill ${pane.state === 'ready' ? 'good' : ''}`} role="status">
      ${pane.state === 'ready' ? 'connected' : pane.state ?? 'not connected'}</span>
    ${pane.needsToken && !pane.line && html`<label class="wide">Token
      <input name="token" class="mono" autocomplete="off" spellcheck="false"
        placeholder="eyJ…" /></label>`}
    <p class="error wide" role="alert">${pane.error}</p></form>`;
}

function Say({ pane, types }) {
  const names = Object.keys(types);
  const [type, setType] = useState('join');
  const [asJson, setAsJson] = useState(false);
  const [error, setError] = useState('');
  const form = useRef();
  const schema = types[type];
  const raw = asJson || !fieldsOf(schema);
  const prefix = `say-${pane.number}-`;
  const submit = (event) => {
    event.preventDefault();
    try {
      setError('');
      const json = raw && form.current.elements[`${prefix}json`].value.trim();
      const data = raw ? (json ? JSON.parse(json) : undefined)
        : valuesOf(form.current, schema, prefix);
      pane.line.request(type, data);
    } catch (why_) {
      setError(why_.message);
    }
  };
  return html`<form class="fields" ref=${form} onSubmit=${submit}>
    <div><label for=${`${prefix}type`}>Message</label>
      <select id=${`${prefix}type`} value=${type} class="mono"
        onChange=${(event) => setType(event.target.value)}>
        ${names.map((name) => html`<option key=${name}>${name}</option>`)}
      </select></div>
    ${schema?.description && html`<p class="dim small">${schema.description}</p>`}
    ${raw ? html`<div key="json"><label for=${`${prefix}json`}>Data, as JSON</label>
      <textarea id=${`${prefix}json`} rows="3" class="mono" spellcheck="false"
      ></textarea></div>`
      : html`<${Fields} key=${type} schema=${schema} prefix=${prefix} />`}
    <div class="row"><button class="primary" disabled=${pane.state !== 'ready'}>
      Send</button>
      ${fieldsOf(schema) && html`<button type="button" class="quiet"
        onClick=${() => setAsJson(!asJson)}>${asJson ? 'As a form'
        : 'As JSON'}</button>`}
      <p class="error" role="alert">${error}</p></div></form>`;
}

function Sent({ entry, pane }) {
  const { sent, reply, error, ms } = entry;
  const took = ms === undefined ? '…' : ms < 10 ? `${ms.toFixed(1)} ms`
    : `${Math.round(ms)} ms`;
  return html`<li class="out"><header><b>${sent.type}</b>
    <time>${clock(entry.at)}</time>
    ${pane.state === 'ready' && html`<button class="quiet tiny"
      aria-label=${`Send ${sent.type} again`}
      onClick=${() => pane.line.request(sent.type, sent.data)}>Again</button>`}
    </header>
    ${sent.data !== undefined && html`<pre>${pretty(sent.data)}</pre>`}
    ${error ? html`<p class="answer bad"><b>${error.code}</b> ${error.message}
      <span class="dim"> ${took}</span></p>`
      : html`<p class="answer">${reply === undefined ? 'waits for its answer'
        : html`<code>${pretty(reply)}</code>`}<span class="dim"> ${took}</span></p>`}
  </li>`;
}

const Heard = ({ entry }) => html`<li class="in"><header><b>${entry.push.type}</b>
  ${entry.push.room && html`<span class="chip">${entry.push.room}</span>`}
  <time>${clock(entry.at)}</time></header>
  ${entry.push.data !== undefined && html`<pre>${pretty(entry.push.data)}</pre>`}
  </li>`;

function Log({ pane }) {
  const box = useRef();
  const entries = talk.entries.filter((entry) => entry.pane === pane.number);
  useEffect(() => { box.current.scrollTop = box.current.scrollHeight; },
    [entries.length]);
  return html`<div class="log" ref=${box} tabindex="0" role="log"
    aria-label=${`What ${pane.user} sent and got`}><ol>${entries.length === 0
      ? html`<li class="dim">What ${pane.user} sends and gets is here.</li>`
      : entries.map((entry, i) => (entry.sent
        ? html`<${Sent} key=${i} entry=${entry} pane=${pane} />`
        : html`<${Heard} key=${i} entry=${entry} />`))}</ol></div>`;
}

/* --- both ----------------------------------------------------------------- */

function save() {
  const came = talk.panes.filter(({ number }) =>
    talk.entries.some((entry) => entry.pane === number));
  const file = new Blob([spec(came, talk.entries)], { type: 'text/x-lua' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = 'conversation_spec.lua';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function Try({ about }) {
  const [, draw] = useState();
  const [types, setTypes] = useState(OWN);
  useEffect(() => {
    talk.draw = () => draw({});
    ask('GET', '/interface').then((answer) => setTypes({ ...OWN,
      ...answer.$defs?.requests?.properties }), () => {});
    return () => { talk.draw = () => {}; };
  }, []);
  const clear = () => {
    talk.entries = [];
    talk.draw();
  };
  const empty = talk.entries.length === 0;
  return html`<header class="head"><h1>Try</h1><p class="lead">Two users side by
    side: send what your scripts take, see what comes.</p>
    <div class="row"><button disabled=${empty} onClick=${save}>Save as
      spec</button><button class="quiet" disabled=${empty}
      onClick=${clear}>Clear</button></div></header>
    <div class="plots">${talk.panes.map((pane) => html`<section class="card pane"
      key=${pane.number} aria-label=${`User ${pane.number + 1}`}>
      <${Come} pane=${pane} about=${about} />
      <${Say} pane=${pane} types=${types} />
      <${Log} pane=${pane} /></section>`)}</div>`;
}
