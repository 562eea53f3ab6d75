// SPDX-License-Identifier: MIT
// Look: a user with devices, a room with members and history; close, send.

import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { ago, clock, count, many, moment } from './format.js';
import { Outcome, pretty, Send, Sure, useAnswer } from './parts.js';
import { api } from './server.js';

const enc = encodeURIComponent;

const go = (kind, name) => { location.hash = `#/look/${kind}/${enc(name)}`; };

const UserLink = ({ id }) => html`<a class="chip" href=${`#/look/user/${enc(id)}`}
  >${id}</a>`;
const RoomLink = ({ id }) => html`<a class="chip" href=${`#/look/room/${enc(id)}`}
  >${id}</a>`;

function Trouble({ error }) {
  return error && html`<p class="teach bad" role="alert">${error.status === 403
    ? html`${error.message}. Give the key more in <code>api.keys</code>.`
    : error.message}</p>`;
}

/* --- a user --------------------------------------------------------------- */

function Device({ device, close }) {
  return html`<li class="card device"><header><h2><a
      href=${`#/look/conn/${device.conn}`}>Connection ${device.conn}</a></h2>
    <span class=${`pill ${device.away ? 'wait' : 'good'}`}>${device.away
      ? 'away, its session waits' : 'connected'}</span></header>
    <dl class="facts"><dt>Since</dt>
      <dd title=${moment(device.since)}>${ago(device.since)}</dd>
      <dt>Address</dt><dd class="mono">${device.ip}</dd>
      <dt>Rooms</dt><dd>${device.rooms.length === 0 ? 'none'
        : device.rooms.map((id) => html`<${RoomLink} id=${id} key=${id} /> `)}
      </dd></dl>
    <${Sure} label=${`Close connection ${device.conn}`}
      act=${() => close({ conn: device.conn })}>Close</${Sure}></li>`;
}

function User({ id }) {
  const [user, error, again] = useAnswer(`/users/${enc(id)}`);
  const [said, setSaid] = useState(null);
  const close = async (whom) => {
    try {
      const { closed } = await api('POST', '/close', whom);
      setSaid({ good: `Closed ${many(closed, 'connection')}.` });
    } catch (why) {
      setSaid({ bad: why.message });
    }
    again();
  };
  return html`<header class="head"><h1>${id}</h1><p class="lead">User
    ${' '}<span class=${`pill ${user?.online ? 'good' : ''}`}>${!user ? '…'
      : user.online ? many(user.devices.length, 'device') : 'offline'}</span></p>
    <a class="up" href=${`#/trace/user/${enc(id)}`}>Follow in Trace</a>
    ${user?.online && html`<${Sure} label="Close all of the user"
      act=${() => close({ user: id })}>Close all</${Sure}>`}
    <${Outcome} said=${said} /></header>
    <${Trouble} error=${error} />
    ${user && !user.online && html`<p class="teach">Nobody with this id is
      connected to this server. Ids are what tokens say: the claim${' '}
      <code>sub</code>, as it is written there.</p>`}
    <ul class="plots">${user?.devices.map((device) => html`<${Device}
      key=${device.conn} device=${device} close=${close} />`)}</ul>
    <${Send} target=${{ user: id }} name=${id} />`;
}

/* --- a connection --------------------------------------------------------- */

function Connection({ id }) {
  const [device, error, again] = useAnswer(`/conns/${enc(id)}`);
  const [said, setSaid] = useState(null);
  const gone = error?.status === 404;
  const close = async (whom) => {
    try {
      const { closed } = await api('POST', '/close', whom);
      setSaid({ good: closed ? 'Closed.' : 'It was gone already.' });
    } catch (why) {
      setSaid({ bad: why.message });
    }
    again();
  };
  return html`<header class="head"><h1>Connection ${id}</h1><p class="lead">
    ${device && !gone ? html`Of <${UserLink} id=${device.user} />`
      : gone ? html`<span class="pill">not there</span>` : '…'}</p>
    <${Outcome} said=${said} /></header>
    ${gone ? html`<p class="teach">No connection with this number is logged in
      at this machine. The log says <code>conn=${id}</code> in each line about
      it, the last one with the reason for which it was closed; so do the lines
      of Trace.</p>` : html`<${Trouble} error=${error} />`}
    ${device && !gone && html`<ul class="plots"><${Device} device=${device}
      close=${close} /></ul>`}`;
}

/* --- a room --------------------------------------------------------------- */

function Members({ room, after, setAfter }) {
  const infos = new Map(room.presence?.users.map((user) => [user.user, user]));
  return html`<section class="card"><h2>Members</h2>
    ${room.members.length === 0 ? html`<p class="dim">${room.connections > 0
      ? 'Only connections without a user.' : 'Nobody is here.'}</p>`
      : html`<ul class="members">${room.members.map((id) => {
        const info = infos.get(id)?.info;
        return html`<li key=${id}><${UserLink} id=${id} />${info !== undefined &&
          html` <code>${pretty(info)}</code>`}</li>`;
      })}</ul>`}
    <div class="row">${after && html`<button class="quiet"
      onClick=${() => setAfter('')}>First ones</button>`}
    ${room.more && html`<button class="quiet" onClick=${() =>
      setAfter(room.members.at(-1))}>More</button>`}</div></section>`;
}

function History({ id }) {
  const [newest, error] = useAnswer(`/rooms/${enc(id)}/history?limit=20`);
  const [older, setOlder] = useState([]);
  const [more, setMore] = useState(null);
  useEffect(() => {
    setOlder([]);
    setMore(null);
  }, [id]);
  const known = newest?.messages ?? [];
  const first = older[0]?.seq ?? known[0]?.seq;
  const all = new Map([...older, ...known].map((it) => [it.seq, it]));
  const earlier = async () => {
    const answer = await api('GET',
      `/rooms/${enc(id)}/history?limit=50&before=${first}`);
    setOlder([...answer.messages, ...older]);
    setMore(answer.more);
  };
  if (error) return html`<${Trouble} error=${error} />`;
  return html`<section class="card"><h2>History</h2>
    ${all.size === 0 ? html`<p class="dim">Nothing is kept. A room keeps its
      messages if a script says so:${' '}
      <code>rooms = { ["${id}"] = { history = { messages = 200 } } }</code></p>` : html`
      ${(more ?? newest.more) && html`<button class="quiet"
        onClick=${earlier}>Earlier</button>`}
      <ol class="messages">${[...all.values()].sort((a, b) => a.seq - b.seq)
        .map((it) => html`<li key=${it.seq}><span class="n dim">${it.seq}</span>
        <time title=${moment(it.at)}>${clock(it.at)}</time>
        <b>${it.type}</b><pre>${pretty(it.data)}</pre></li>`)}</ol>`}
  </section>`;
}

function Room({ id }) {
  const [after, setAfter] = useState('');
  const [room, error] = useAnswer(`/rooms/${enc(id)}?limit=100${after &&
    `&after=${enc(after)}`}`);
  return html`<header class="head"><h1>${id}</h1><p class="lead">Room
    ${' '}<span class=${`pill ${room?.connections ? 'good' : ''}`}>${!room ? '…'
      : room.connections === 0 ? 'empty' : `${many(room.users, 'user')}, ${
        many(room.connections, 'connection')}`}</span></p>
    <a class="up" href=${`#/trace/room/${enc(id)}`}>Follow in Trace</a></header>
    <${Trouble} error=${error} />
    <div class="plots">${room && html`<${Members} room=${room} after=${after}
      setAfter=${setAfter} />`}
      <${Send} target=${{ room: id }} name=${id} /></div>
    <${History} id=${id} />`;
}

/* --- the way there -------------------------------------------------------- */

function Rooms() {
  const [prefix, setPrefix] = useState('');
  const [after, setAfter] = useState('');
  const [answer, error] = useAnswer(`/rooms?limit=50&prefix=${enc(prefix)}${
    after && `&after=${enc(after)}`}`);
  const rooms = answer?.rooms ?? [];
  return html`<section class="card"><header class="split"><h2>Rooms with
    members</h2><label class="inline">Begins with <input value=${prefix}
      class="mono" spellcheck="false" autocapitalize="none" maxlength="128"
      onInput=${(event) => {
        setAfter('');
        setPrefix(event.target.value);
      }} /></label></header>
    <${Trouble} error=${error} />
    ${answer && rooms.length === 0 && html`<p class="dim">${prefix
      ? 'No such room has members.' : html`No room has members. A script puts a
      client into one: <code>client:join("lobby")</code>. It is there from the
      first who comes to the last who leaves.`}</p>`}
    ${rooms.length > 0 && html`<div class="scroll" tabindex="0" role="region"
      aria-label="Rooms"><table><thead><tr><th scope="col">Room</th>
      <th scope="col" class="n">Users</th><th scope="col" class="n">Connections
      </th></tr></thead><tbody>${rooms.map((room) => html`<tr key=${room.room}>
      <th scope="row"><a href=${`#/look/room/${enc(room.room)}`}>${room.room}</a>
      </th><td class="n">${count(room.users)}</td>
      <td class="n">${count(room.connections)}</td></tr>`)}</tbody></table></div>`}
    <div class="row">${after && html`<button class="quiet"
      onClick=${() => setAfter('')}>First ones</button>`}
    ${answer?.more && html`<button class="quiet" onClick=${() =>
      setAfter(rooms.at(-1).room)}>More</button>`}</div></section>`;
}

function Search() {
  const [error, setError] = useState('');
  const submit = (event) => {
    event.preventDefault();
    const { kind, name } = Object.fromEntries(new FormData(event.target));
    const wrong = kind === 'conn' && !/^[1-9]\d{0,15}$/.test(name.trim());
    setError(wrong ? 'A connection has a number: conn=12 in the log is 12.' : '');
    if (name.trim() && !wrong) go(kind, name.trim());
  };
  return html`<form class="card search" onSubmit=${submit}>
    <fieldset class="choice"><legend class="label">What</legend>
      <label><input type="radio" name="kind" value="user" defaultChecked />
        <span>User</span></label>
      <label><input type="radio" name="kind" value="conn" />
        <span>Connection</span></label>
      <label><input type="radio" name="kind" value="room" />
        <span>Room</span></label></fieldset>
    <label class="grow">Name or number<input name="name" required maxlength="128"
      autocapitalize="none" spellcheck="false" class="mono"
      placeholder="alice" /></label>
    <button class="primary">Look</button>
    ${error && html`<p class="error wide" role="alert">${error}</p>`}</form>`;
}

export function Look({ path: [kind, name] }) {
  const up = html`<a class="up" href="#/look">← Look</a>`;
  if (kind === 'user' && name) return html`${up}<${User} key=${name} id=${name} />`;
  if (kind === 'conn' && name) {
    return html`${up}<${Connection} key=${name} id=${name} />`;
  }
  if (kind === 'room' && name) return html`${up}<${Room} key=${name} id=${name} />`;
  return html`<header class="head"><h1>Look</h1><p class="lead">Who is there, with
    which devices, in which rooms, and what was said.</p></header>
    <${Search} /><${Rooms} />`;
}
