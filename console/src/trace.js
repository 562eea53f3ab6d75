// SPDX-License-Identifier: MIT
// Trace: a user, a room or a type is followed, line by line, while one looks.

import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { count, many } from './format.js';
import { stream } from './server.js';

const KEPT = 1000; // lines
const DRAWN = 200; // of those that fit
const MOODS = { done: 'good', delivery: 'good', acked: 'good', refused: 'bad',
  lost: 'bad', dropped: 'bad' };

/** What is followed; it stays while one looks at other views, and so do the
 * lines, but nothing is followed meanwhile. */
const trace = { kind: 'user', name: '', lines: [], next: 1 };

const time = (at) => new Date(at * 1000).toLocaleTimeString(undefined,
  { hour12: false, hour: '2-digit', minute: '2-digit', second: '2-digit',
    fractionalSecondDigits: 3 });
const took = (ms) => (ms < 1 ? `${Math.round(ms * 1000)} µs` : `${ms.toFixed(1)} ms`);

/** A line in words. */
function words(line) {
  switch (line.event) {
    case 'sent':
      return `to ${line.to === 'all' ? 'everybody' : `${line.to} ${
        line.target ?? line.conn}`}, ${many(line.receivers ?? 0, 'receiver')}`;
    case 'done':
      return `${line.verdict} in ${took(line.ms)}${line.lua_ms === undefined ? ''
        : `, ${took(line.lua_ms)} in Lua`}${line.generation
        ? `, generation ${line.generation}` : ''}${line.code ? `: ${line.code}`
        : ''}`;
    case 'delivery': case 'acked': case 'lost':
      return `connection ${line.conn}, ${many(line.bytes, 'byte')}, after ${
        took(line.ms)}`;
    case 'refused': return `${line.code}: ${line.text}`;
    case 'dropped': return `${many(line.count, 'line')} were lost`;
    default: return line.data === undefined ? '' : JSON.stringify(line.data);
  }
}

function Line({ line }) {
  const mood = line.verdict && line.verdict !== 'ok' ? 'bad' : MOODS[line.event];
  return html`<li><details><summary><time>${time(line.at)}</time>
    <span class=${`pill ${mood ?? ''}`}>${line.event}</span>
    <code class="dim">${line.span?.slice(0, 6) ?? ''}</code><b>${line.user ?? ''}</b>
    <code>${line.type ?? line.call ?? ''}</code>
    <span class="words">${words(line)}</span></summary>
    ${line.error && html`<pre class="bad">${line.error}</pre>`}
    <pre>${JSON.stringify(line.said, null, 2)}</pre></details></li>`;
}

function Ask({ on, start, stop }) {
  const submit = (event) => {
    event.preventDefault();
    if (on) {
      stop();
      return;
    }
    const { kind, name } = Object.fromEntries(new FormData(event.target));
    if (name.trim()) start(kind, name.trim());
  };
  return html`<form class="card search" onSubmit=${submit}>
    <fieldset class="choice"><legend class="label">Follow</legend>
      ${['user', 'room', 'type'].map((kind) => html`<label key=${kind}>
        <input type="radio" name="kind" value=${kind}
          defaultChecked=${kind === trace.kind} />
        <span>${kind[0].toUpperCase()}${kind.slice(1)}</span></label>`)}</fieldset>
    <label class="grow">Name<input name="name" required maxlength="128"
      class="mono" autocapitalize="none" spellcheck="false" placeholder="alice"
      defaultValue=${trace.name} /></label>
    <button class=${on ? '' : 'primary'}>${on ? 'Stop' : 'Follow'}</button></form>`;
}

/** The address may say what to follow: #/trace/user/alice. */
export function Trace({ path: [kind, name] }) {
  const [, draw] = useState(() => name && Object.assign(trace, { kind, name }));
  const [on, setOn] = useState(false);
  const [said, setSaid] = useState('');
  const [find, setFind] = useState('');
  const ending = useRef();
  const stop = () => ending.current?.abort();
  useEffect(() => {
    if (name) start(kind, name);
    return stop;
  }, [kind, name]);

  const take = (lines) => {
    for (const line of lines) {
      if (line.event === 'trace' || line.event === 'alive') continue;
      trace.lines.push({ ...line, number: trace.next++, said: line,
        found: JSON.stringify(line).toLowerCase() });
    }
    trace.lines.splice(0, trace.lines.length - KEPT);
    draw({});
  };
  const start = async (kind, name) => {
    const abort = new AbortController();
    ending.current = abort;
    Object.assign(trace, { kind, name, lines: [] });
    setSaid('');
    setOn(true);
    try {
      await stream(`/api/v1/trace?${kind}=${encodeURIComponent(name)}`,
        abort.signal, take);
      setSaid('The server has ended the trace.');
    } catch (error) {
      if (!abort.signal.aborted) setSaid(error.message);
    }
    setOn(false);
  };

  const wanted = find.trim().toLowerCase();
  const fits = trace.lines.filter((line) => line.found.includes(wanted));
  return html`<header class="head"><h1>Trace</h1><p class="lead">A message, from
    its handler to each delivery.</p></header>
    <${Ask} key=${`${kind}/${name}`} on=${on} start=${start} stop=${stop} />
    <section class="card"><header class="split"><h2><span class=${`pill ${on
      ? 'good' : ''}`}>${on ? 'live' : 'off'}</span> ${count(fits.length)} of
      ${' '}${many(trace.lines.length, 'line')}</h2><label class="inline">Find
      <input type="search" value=${find} class="mono" spellcheck="false"
        onInput=${(event) => setFind(event.target.value)} /></label></header>
      <p class="error" role="alert">${said}</p>
      ${trace.lines.length === 0 && html`<p class="dim">${on
        ? `Nothing has happened yet. Send something as ${trace.name}, or in Try.`
        : `Follow a user, a room or a type of messages, such as chat.send. Each
          message is shown with its handler, what it sent, and when that left.
          Nothing is kept, and nothing is written to the log.`}</p>`}
      <ol class="trace">${fits.slice(-DRAWN).reverse().map((line) => html`
        <${Line} key=${line.number} line=${line} />`)}</ol></section>`;
}
