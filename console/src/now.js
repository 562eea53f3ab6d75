// SPDX-License-Identifier: MIT
// Now: how much there is of everything, and how it has been.

import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { figures, useFigures } from './figures.js';
import { ago, bytes, clock, count, many, moment, rate, size, span }
  from './format.js';
import { Late } from './late.js';
import { Plot } from './plot.js';
import { ask } from './server.js';

/** Counters that should stand still, and what it means when they do not. */
const TROUBLES = {
  handler_errors: 'handlers, hooks or timers failed',
  handler_timeouts: 'of them took too long',
  handler_memory_errors: 'of them ran out of memory',
  promises_broken: 'replies or pushes were not as declared',
  messages_refused: 'messages were refused',
  rate_limited: 'messages came faster than a rate allows',
  too_large: 'messages were too large',
  bad_frames: 'connections sent broken frames',
  slow_consumers: 'connections were closed: they read too slowly',
  stalled: 'connections were closed: they took nothing any more',
  ping_timeouts: 'connections fell silent',
  auth_failed: 'tokens were refused',
  origins_refused: 'pages from elsewhere were refused',
  sockets_refused: 'sockets were refused: too many of one address',
  handshakes_refused: 'handshakes were put off: too many a second',
  sessions_lost: 'sessions ended, as their client did not come back',
  members_behind: 'messages of rooms were left out for slow clients',
  bus_left_out: 'messages to a worker that is behind were left out',
  accept_paused: 'times there was no descriptor left',
};

function Tile({ name, value, unit, hint }) {
  return html`<div class="tile" title=${hint}>
    <dt>${name}</dt><dd><b>${value}</b>${unit && html` <span>${unit}</span>`}
    </dd></div>`;
}

function Tiles({ now }) {
  const { total } = now;
  const [memory, unit] = bytes(now.memory_bytes ?? 0);
  const [queue, queueUnit] = bytes(total.queue_bytes);
  return html`<dl class="tiles">
    <${Tile} name="Connections" value=${count(total.connections)}
      hint="WebSockets that are open" />
    <${Tile} name="Users" value=${count(now.users)}
      hint="Users with a connection, each once" />
    <${Tile} name="Rooms" value=${count(now.rooms)}
      hint="Rooms with a member, each once" />
    <${Tile} name="Received" value=${rate(now.in)} unit="messages/s"
      hint="Messages from clients" />
    <${Tile} name="Sent" value=${rate(now.out)} unit="messages/s"
      hint="Messages to connections: one to a room of ten counts ten times" />
    <${Tile} name="Waiting" value=${queue} unit=${queueUnit}
      hint="What waits to be written to slow connections" />
    <${Tile} name="Memory" value=${memory} unit=${unit}
      hint="Of the whole process" />
    <${Tile} name="Generation" value=${count(now.generation)}
      unit=${many(now.workers[0]?.handlers ?? 0, 'handler')}
      hint="How often scripts went live" />
  </dl>`;
}

function Plots({ now, times, lines }) {
  return html`<div class="plots">
    <${Plot} title="Messages a second" times=${times} format=${rate}
      least=${5} lines=${[
        { name: 'sent', ink: '--accent', fill: '--wash', values: lines.out },
        { name: 'received', ink: '--second', values: lines.in }]} />
    <${Plot} title="Connections" times=${times} format=${count} least=${5}
      lines=${[{ name: 'open', ink: '--accent', fill: '--wash',
        values: lines.connections }]} />
    <${Plot} title="Memory" times=${times} format=${size} inBytes
      least=${1 << 20}
      lines=${[{ name: 'process', ink: '--accent', fill: '--wash',
        values: lines.memory }]} />
    <${Plot} title="Waiting to be written" times=${times} format=${size}
      inBytes least=${64 << 10} lines=${[{ name: 'queues', ink: '--second',
        values: lines.queue }]} />
  </div>`;
}

function Troubles({ now, first }) {
  const rows = Object.entries(TROUBLES)
    .map(([name, text]) => [now.total[name] - first.total[name], text, name])
    .filter(([n]) => n > 0);
  const dead = now.workers.filter((worker) => !worker.answering);
  return html`<section class="card"><h2>Since this page is open</h2>
    <ul class="troubles">${dead.map((worker) => html`<li class="bad"
      key=${worker.worker}><b>Worker ${worker.worker}</b> does not answer: a
      script holds it, or it has ended</li>`)}
    ${rows.map(([n, text, name]) => html`<li key=${name}><b>${count(n)}</b>${' '}
      ${text}</li>`)}
    ${rows.length + dead.length === 0 && html`<li class="fine">Nothing went
      wrong: no handler failed, nobody was refused or closed.</li>`}
    </ul></section>`;
}

function Workers({ workers }) {
  return html`<section class="card"><h2>Workers</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Workers">
    <table><thead><tr><th scope="col">Worker</th>
      <th scope="col" class="n">Connections</th>
      <th scope="col" class="n">Rooms</th>
      <th scope="col" class="n">Sessions away</th>
      <th scope="col" class="n">Lua memory</th>
      <th scope="col" class="n">Waiting</th>
      <th scope="col" class="n">Generation</th></tr></thead>
    <tbody>${workers.map((worker) => html`<tr key=${worker.worker}>
      <th scope="row">${worker.worker}${!worker.answering &&
        html` <span class="pill bad">busy</span>`}</th>
      <td class="n">${count(worker.connections)}</td>
      <td class="n">${count(worker.rooms)}</td>
      <td class="n">${count(worker.sessions_away)}</td>
      <td class="n">${size(worker.lua_bytes)}</td>
      <td class="n">${size(worker.queue_bytes)}</td>
      <td class="n">${worker.generation}</td></tr>`)}</tbody></table></div>
  </section>`;
}

function Machines() {
  const [nodes, setNodes] = useState([]);
  useEffect(() => {
    const look = () => ask('GET', '/nodes')
      .then((answer) => setNodes(answer.nodes ?? []), () => {});
    look();
    const timer = setInterval(look, 5000);
    return () => clearInterval(timer);
  }, []);
  if (nodes.length < 2) return null;
  return html`<section class="card"><h2>Machines</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Machines">
    <table><thead><tr><th scope="col">Name</th><th scope="col">Version</th>
      <th scope="col" class="n">Workers</th>
      <th scope="col" class="n">Connections</th>
      <th scope="col" class="n">Up</th></tr></thead>
    <tbody>${nodes.map((node) => html`<tr key=${node.name}>
      <th scope="row">${node.name}</th><td>${node.version}</td>
      <td class="n">${node.workers}</td><td class="n">${count(node.clients)}</td>
      <td class="n">${span(Date.now() - node.started * 1000)}</td></tr>`)}
    </tbody></table></div></section>`;
}

export function Now() {
  const { now, first, failed, times, lines } = useFigures();
  if (!now) {
    return html`<h1>Now</h1><p class="lead">${failed
      ? 'The server does not answer.' : 'Reading the first figures…'}</p>`;
  }
  const idle = figures.now.total.connections_opened === 0;
  return html`<header class="head"><h1>Now</h1>
    <p class="lead" title=${moment(now.started * 1000)}>${failed
      ? html`<span class="pill bad">no answer since ${clock(failed)}</span>`
      : html`<span class="pill good">${now.draining ? 'draining'
        : 'live'}</span>`} Started ${ago(now.started * 1000)}</p></header>
    <${Tiles} now=${now} />
    ${idle && html`<p class="teach">Nobody has connected yet. Go to
      <a href="#/try">Try</a> to be the first, or let a client connect: the
      figures and plots here follow within a second.</p>`}
    <${Plots} now=${now} times=${times} lines=${lines} />
    <${Late} now=${now} times=${times} lines=${lines} />
    <div class="plots"><${Troubles} now=${now} first=${first} />
    <${Workers} workers=${now.workers} /></div>
    <${Machines} />`;
}
