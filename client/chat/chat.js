// SPDX-License-Identifier: MIT
// @ts-check
// A chat in one page: what is said to the server, and what is made of what it
// says. How that looks is view.js's business.
//
// A conversation is a room, or the direct messages with one user:
//   { name, kind, lines, present, typing, unread, state, error, isKnown }
// A line is { from, text, at, seq, fate }; fate is `pending` or `failed` until
// the server has it. What we missed arrives like everything else; only the count
// of it is looked at here.

import { CLOSE, SocketClient } from '/perigee.js';
import * as view from './view.js';

const ROOMS = ['lobby', 'random', 'vip'];
const PAGE = 50; // lines of what was said before
const TYPING_EVERY = 2000; // ms between two `chat.typing` of ours
const TYPING_FOR = 4000; // ms that one of another's is shown

const talks = new Map(); // every conversation, by key
let current; // the one that is shown
/** @type {SocketClient<import('./api').Api>} what `perigee types` writes */
let client;
let me;
let missed = null; // lines since the network was lost, until all are here

const keyOf = (kind, name) => `${kind} ${name}`;

function talk(kind, name) {
  const key = keyOf(kind, name);
  if (!talks.has(key)) {
    talks.set(key, { key, kind, name, lines: [], present: [],
      typing: new Map(), unread: 0, state: 'joined', isKnown: false });
  }
  return talks.get(key);
}

// What the server says

function listen() {
  client.on('@room', roomChanged);
  client.on('chat.message', (line, { room, seq }) => {
    const where = talk('room', room);
    forgetTyping(where, line.from);
    add(where, { ...line, seq });
  });
  client.on('direct.message', (line) => {
    add(talk('direct', line.from), line);
  });
  client.on('direct.sent', (line) => add(talk('direct', line.to), line));
  client.on('presence', whoIsHere);
  client.on('resumed', caughtUp);
  client.on('gap', (_, { room }) =>
    note(talk('room', room), 'Something is missing here'));
  client.on('chat.typing', ({ from }, { room }) => {
    if (from === me) return;
    const where = talk('room', room);
    forgetTyping(where, from);
    where.typing.set(from,
      setTimeout(() => forgetTyping(where, from), TYPING_FOR));
    view.showTyping(current);
  });
}

/** @param {import('../index').Room} change */
function roomChanged({ room, state, error }) {
  if (state === 'left') return;
  const where = talk('room', room);
  Object.assign(where, { state, error });
  if (state === 'joined') {
    if (!where.isKnown) showBefore(where);
    where.isKnown = true;
  }
  if (where === current) view.showTalk(current, me);
  view.showTalks(talks, current, me);
  const isBusy = client.rooms.some((other) => other.state === 'joining');
  if (missed && !isBusy) caughtUp();
}

// The first list is not news.
/** @type {(change: import('../index').PresenceChange, message: any) => void} */
function whoIsHere({ joined, left }, { room }) {
  const where = talk('room', room);
  const isFirst = !where.present.length;
  where.present = client.room(room).presence;
  for (const { user } of isFirst ? [] : joined) note(where, `${user} came in`);
  for (const user of left) {
    forgetTyping(where, user);
    note(where, `${user} left`);
  }
  view.showTalks(talks, current, me);
}

// What was said before the first line that is here.
async function showBefore(where) {
  const before = view.firstOf(where)?.seq;
  const page = await client.room(where.name)
    .history({ before, limit: PAGE }).catch(() => null);
  if (!page) return;
  const end = view.firstOf(where)?.seq ?? Infinity; // of what came meanwhile
  const lines = page.messages
    .filter(({ type, seq }) => type === 'chat.message' && seq < end)
    .map(({ data, seq }) => ({ ...data, seq }));
  where.lines.unshift(...lines);
  where.hasMore = page.more;
  if (where === current) view.showTalk(current, me, before);
}

// A session that goes on, or rooms that are joined again: what was missed is
// before the answer to a ping.
async function caughtUp() {
  await client.request('ping').catch(() => {});
  if (missed && client.getState().state === 'ready') {
    view.showMissed(missed.count);
    missed = null;
  }
}

function forgetTyping(where, user) {
  clearTimeout(where.typing.get(user));
  where.typing.delete(user);
  if (where === current) view.showTyping(current);
}

// Lines

function add(where, line) {
  if (line.from === me) settleOwn(where, line);
  if (missed && line.from !== me) missed.count++;
  const isSeen = where === current && !document.hidden;
  if (!isSeen && line.from !== me) {
    line.isFirstNew = where.unread === 0;
    where.unread++;
  }
  where.lines.push(line);
  if (where === current) view.addLine(current, line, me);
  view.showTalks(talks, current, me);
}

// A push of our own line takes the place of the one that was waiting for it.
function settleOwn(where, line) {
  const waiting = where.lines.find(({ fate, text }) =>
    fate === 'pending' && text === line.text);
  if (waiting) remove(where, waiting);
}

// The answer to our own line. Its push came before; if the script has changed
// the text on the way, only the time tells that it is the same line.
function settle(where, line, at) {
  delete line.fate;
  const isHere = where.lines.some((other) =>
    other !== line && other.from === me && other.at === at);
  if (isHere) remove(where, line);
}

function remove(where, line) {
  where.lines = where.lines.filter((other) => other !== line);
  view.removeLine(line);
}

function note(where, text) {
  const line = { note: text, at: Date.now() / 1000 };
  where.lines.push(line);
  if (where === current) view.addLine(current, line, me);
}

async function say(where, text) {
  const line = { from: me, text, at: Date.now() / 1000, fate: 'pending' };
  add(where, line);
  actions.quietUntil = 0;
  try {
    const { at } = where.kind === 'direct'
      ? await client.request('direct.send', { to: where.name, text })
      : await client.request('chat.send', { room: where.name, text });
    settle(where, line, at);
  } catch (error) {
    line.fate = 'failed';
    line.error = error;
  }
  view.updateLine(line);
}

// What the user does

const actions = {
  open(kind, name) {
    if (kind === 'direct' && name === me) return;
    for (const line of current?.lines ?? []) line.isFirstNew = false;
    current = talk(kind, name);
    if (kind === 'room' && !client.rooms.some(({ room }) => room === name)) {
      client.join(name);
    }
    view.showTalk(current, me);
    actions.seen();
  },
  askAgain: () => client.join(current.name),
  earlier: () => showBefore(current),
  again(line) {
    remove(current, line);
    say(current, line.text);
  },
  forget: (line) => remove(current, line),
  seen() {
    if (document.hidden || !current) return;
    current.unread = 0;
    view.showTalks(talks, current, me);
  },
  say(text) { // as the script does: what comes back is what was sent
    if (text.trim()) say(current, text.trim());
  },
  typing() {
    if (current.kind !== 'room' || Date.now() < actions.quietUntil) return;
    actions.quietUntil = Date.now() + TYPING_EVERY;
    client.send('chat.typing', { room: current.name });
  },
  quietUntil: 0,
  tryNow: () => client.reconnect(),
  enter,
  signOut() {
    sessionStorage.removeItem('name');
    location.reload();
  },
};

// The token: in development mode the server gives one to whoever asks. A page
// of your own asks its own backend here. Null is final, a throw is "later".
async function getToken() {
  const answer = await fetch(`/dev/token?user=${encodeURIComponent(me)}`);
  if (answer.ok) return (await answer.json()).token;
  if (answer.status >= 500) throw new Error(`status ${answer.status}`);
  return null;
}

function enter(name) {
  me = name;
  talks.clear();
  client = new SocketClient('/ws', { tokenGetter: getToken });
  listen();
  view.showApp(me);
  actions.open('room', ROOMS[0]);
  for (const room of ROOMS) client.join(room);
  client.onStateChange((state) => {
    view.showState(state);
    if (state.state === 'waiting' && state.conn) missed ??= { count: 0 };
    if (state.authStatus === 'failed') leave(state.lastError);
    else if (state.state === 'ready') sessionStorage.setItem('name', me);
  });
  client.connect();
}

// Nobody is logged in, or not any more.
function leave(error) {
  sessionStorage.removeItem('name');
  view.showDoor(error?.code === 'NO_TOKEN'
    ? 'This server gives out no tokens: it is not in development mode.'
    : error?.message || `The server refused (${CLOSE.AUTH_FAILED}).`);
}

document.addEventListener('visibilitychange', actions.seen);
view.start(actions);
const name = sessionStorage.getItem('name');
if (name) enter(name);
