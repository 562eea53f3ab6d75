// SPDX-License-Identifier: MIT
// The page as it is seen: fills index.html with what chat.js knows.

const $ = (id) => document.getElementById(id);
const LIMIT = 2000; // characters, as in scripts/chat.lua
const NEAR = 80; // pixels from the end that still count as reading the end
const TOGETHER = 300; // seconds within which lines of one user stand together

const WHY = { // close codes worth a sentence of their own
  4502: 'You were removed from this server.',
  4503: 'This name is in use on another page.',
  4504: 'Too many pages are open under this name.',
};

const NOT_IN = { joining: 'Waiting for the server…', refused: 'Not let in' };

const nodes = new WeakMap(); // line → its element

/** An element with properties (`class` and `on…` too) and children. */
function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key in node) node[key] = value;
    else if (value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

function face(name) {
  let hue = 0;
  for (const letter of name) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  const letters = [...name].slice(0, 2).join('').toUpperCase();
  const node = h('span', { className: 'face', 'aria-hidden': 'true' }, letters);
  node.style.setProperty('--hue', hue);
  return node;
}

function lock() {
  const node = h('span', { role: 'img', ariaLabel: 'refused' });
  node.innerHTML = `<svg viewBox="0 0 24 24"><path d="M6 11h12v9H6zM8.5 11V8
    a3.5 3.5 0 0 1 7 0v3"/></svg>`;
  return node;
}

const clock = (at) => new Date(at * 1000)
  .toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

// Lists

let act;

function talkRow({ kind, name, unread, state, key }, current) {
  const sign = state === 'refused' ? lock() : '#';
  return h('li', {}, h('button', {
    className: `row ${state} ${unread ? 'unread' : ''}`,
    'aria-current': String(key === current?.key),
    onclick: () => {
      drawer(null);
      act.open(kind, name);
    },
  },
  kind === 'room' ? h('span', { className: 'hash' }, sign) : face(name),
  h('span', { className: 'name' }, name),
  unread ? h('span', { className: 'badge',
    ariaLabel: `${unread} unread` }, String(unread)) : null));
}

function memberRow({ user: name, devices }, me) {
  const open = () => {
    drawer(null);
    act.open('direct', name);
  };
  return h('li', {}, h('button', { className: 'row', onclick: open,
    disabled: name === me, title: name === me ? '' : `Write to ${name}` },
  face(name), h('span', { className: 'name' }, name),
  name === me ? h('span', { className: 'you' }, 'you') : null,
  devices > 1 ? h('span', { className: 'you' }, `${devices} devices`) : null));
}

// Replaces a list without taking the focus from who walks it by keyboard.
function fill(list, rows) {
  const at = [...list.children].findIndex((row) =>
    row.contains(document.activeElement));
  list.replaceChildren(...rows);
  rows[at]?.querySelector('button').focus();
}

/** Rooms, direct conversations, members, and the marks of what is unread. */
export function showTalks(talks, current, me) {
  const all = [...talks.values()];
  const rows = (kind) => all.filter((talk) => talk.kind === kind)
    .map((talk) => talkRow(talk, current));
  fill($('rooms'), rows('room'));
  fill($('directs'), rows('direct'));
  $('direct-title').hidden = !$('directs').children.length;
  const members = current.kind === 'room'
    ? [...current.present].sort((a, b) => a.user.localeCompare(b.user))
    : [{ user: current.name }, { user: me }];
  fill($('members'), members.map((member) => memberRow(member, me)));
  $('subtitle').textContent = current.kind === 'direct' ? 'Only you two'
    : NOT_IN[current.state] || `${members.length} here now`;
  const unread = all.reduce((sum, talk) => sum + talk.unread, 0);
  document.title = unread ? `(${unread}) Perigee chat` : 'Perigee chat';
  $('elsewhere').hidden = !unread;
}

// The conversation

/** The first line that the server knows by number. */
export const firstOf = ({ lines }) => lines.find(({ seq }) => seq);

/** From the end; with `seq`, from that line. */
export function showTalk(talk, me, seq) {
  $('title').textContent = talk.kind === 'room' ? `# ${talk.name}` : talk.name;
  $('text').placeholder = `Write to ${talk.name}`;
  $('composer').hidden = talk.state === 'refused';
  $('log').replaceChildren();
  if (talk.hasMore) $('log').append(earlier());
  for (const line of talk.lines) addLine(talk, line, me);
  if (talk.state === 'refused') $('log').replaceChildren(refusal(talk));
  else if (!talk.lines.length) $('log').append(nothing(talk));
  $('log').scrollTop = $('log').scrollHeight;
  const from = seq && talk.lines.find((line) => line.seq === seq);
  if (from) nodes.get(from).scrollIntoView();
  showTyping(talk);
}

const earlier = () => h('li', { className: 'earlier' },
  h('button', { className: 'quiet', onclick: act.earlier }, 'Earlier'));

const nothing = ({ kind, name }) => h('li', { className: 'empty' },
  h('b', {}, 'Nothing said yet'), kind === 'room'
    ? 'Say hello. Whoever is here sees it at once.'
    : `Only ${name} will see what you write here.`);

const refusal = ({ name, error }) => h('li', { className: 'empty' },
  h('b', {}, `You are not in ${name}`), error.message,
  h('div', {}, h('button', { className: 'primary', onclick: act.askAgain },
    'Ask again')));

const isAtEnd = ({ scrollHeight, scrollTop, clientHeight }) =>
  scrollHeight - scrollTop - clientHeight < NEAR;

// Changes the log; who was reading its end goes on reading its end.
function keepingEnd(change) {
  const log = $('log');
  const wasAtEnd = isAtEnd(log);
  change(log);
  if (wasAtEnd) log.scrollTop = log.scrollHeight;
}

// The same for a log that gets smaller: a keyboard, a banner, a longer text.
function followSize(log) {
  let wasAtEnd = true;
  log.onscroll = () => (wasAtEnd = isAtEnd(log));
  new ResizeObserver(() => {
    if (wasAtEnd) log.scrollTop = log.scrollHeight;
  }).observe(log);
}

export const addLine = (talk, line, me) => keepingEnd((log) => {
  log.querySelector('.empty')?.remove();
  if (line.isFirstNew) {
    log.querySelector('.new')?.remove();
    log.append(h('li', { className: 'new' }, 'New'));
  }
  const before = talk.lines[talk.lines.indexOf(line) - 1];
  const node = line.note ? h('li', { className: 'note' }, line.note)
    : said(line, before, me);
  nodes.set(line, node);
  log.append(node);
  updateLine(line);
  if (line.fate === 'pending') log.scrollTop = log.scrollHeight;
});

function said(line, before, me) {
  const isMore = before && before.from === line.from && !line.isFirstNew &&
    line.at - before.at < TOGETHER;
  const node = h('li', {}, face(line.from),
    h('span', { className: 'by' }, h('b', {}, line.from), clock(line.at)),
    h('div', { className: 'bubble' }, line.text),
    h('div', { className: 'fate' }));
  node.classList.add('said');
  node.classList.toggle('mine', line.from === me);
  node.classList.toggle('more', Boolean(isMore));
  return node;
}

/** Shows what has become of a line of our own. */
export function updateLine(line) {
  const node = nodes.get(line);
  if (!node || line.note) return;
  node.classList.toggle('pending', line.fate === 'pending');
  node.classList.toggle('failed', line.fate === 'failed');
  const button = (text, then) =>
    h('button', { type: 'button', onclick: () => then(line) }, text);
  const fate = line.fate === 'failed' ? [reason(line.error),
    button('Send again', act.again), button('Remove', act.forget)] : [];
  keepingEnd(() => node.querySelector('.fate').replaceChildren(...fate));
}

function reason({ code, message, sent }) {
  if (code === 'NOT_READY') return 'No connection.';
  if (code === 'DISCONNECTED' || code === 'TIMEOUT') {
    return sent ? 'No answer: it may or may not have arrived.' : 'Not sent.';
  }
  return message;
}

export const removeLine = (line) => nodes.get(line)?.remove();

export function showTyping(talk) {
  const names = [...talk.typing.keys()];
  const verb = names.length === 1 ? 'is' : 'are';
  $('typing').textContent = names.length
    ? `${names.join(', ')} ${verb} typing` : '';
}

// The connection

const NOTICE_FOR = 6000; // ms that what was missed is announced

let countdown;
let notice;

/** After a lost connection: how much was said meanwhile. */
export function showMissed(count) {
  if (!count) return;
  $('banner').className = 'banner missed';
  $('banner').hidden = false;
  $('try-now').hidden = true;
  $('banner-text').textContent =
    `${count} message${count > 1 ? 's' : ''} while you were away`;
  notice = setTimeout(() => ($('banner').hidden = true), NOTICE_FOR);
}

export function showState({ state, nextAttemptAt, code, attempt }) {
  clearInterval(countdown);
  clearTimeout(notice);
  const say = () => {
    const seconds = Math.max(0, Math.ceil((nextAttemptAt - Date.now()) / 1000));
    const lost = code === 4007 ? 'The server is full'
      : navigator.onLine ? 'Connection lost' : 'You are offline';
    const soon = nextAttemptAt ? `, next try in ${seconds} s` : '';
    const text = {
      waiting: `${lost}${soon}`,
      connecting: attempt ? 'Connecting again…' : 'Connecting…',
      authenticating: 'Signing in…',
      closed: WHY[code] || 'The connection was closed.',
    }[state] || '';
    $('banner-text').textContent = text;
    $('status').textContent = state === 'ready' ? 'Online'
      : state === 'waiting' ? `Back in ${seconds} s`
        : state === 'closed' ? 'Offline' : 'Connecting…';
  };
  say();
  if (state === 'waiting') countdown = setInterval(say, 250);
  $('status').className = `status ${state}`;
  $('banner').className = `banner ${state}`;
  $('banner').hidden = state === 'ready';
  $('try-now').hidden = state !== 'waiting' && state !== 'closed';
}

// The frame around it

export function showApp(me) {
  $('door').hidden = true;
  $('app').hidden = false;
  if ($('my-name').textContent === me) return;
  $('my-name').textContent = me;
  $('my-face').replaceChildren(face(me));
  if (matchMedia('(min-width: 701px)').matches) $('text').focus();
}

export function showDoor(error) {
  $('app').hidden = true;
  $('door').hidden = false;
  $('door-error').textContent = error;
  $('name').focus();
}

function drawer(name) {
  if (name) $('app').dataset.drawer = name;
  else delete $('app').dataset.drawer;
}

function resize() {
  const box = $('text');
  box.style.height = 'auto';
  box.style.height = `${box.scrollHeight + 2}px`;
  const { length } = [...box.value];
  $('count').textContent = length > LIMIT - 200 ? `${length} / ${LIMIT}` : '';
  $('count').classList.toggle('over', length > LIMIT);
  $('composer').querySelector('.send').disabled = !box.value.trim();
}

function submit(event) {
  event.preventDefault();
  const box = $('text');
  if (!box.value.trim()) return;
  act.say(box.value);
  box.value = '';
  resize();
}

/** Connects the controls; call once. */
export function start(actions) {
  act = actions;
  $('enter').onsubmit = (event) => {
    event.preventDefault();
    $('door-error').textContent = '';
    act.enter($('name').value.trim());
  };
  $('new-room').onsubmit = (event) => {
    event.preventDefault();
    const room = event.target.room.value.trim();
    event.target.reset();
    drawer(null);
    if (room) act.open('room', room);
  };
  $('composer').onsubmit = submit;
  $('text').onkeydown = (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    submit(event);
  };
  $('text').oninput = () => {
    resize();
    act.typing();
  };
  $('try-now').onclick = () => act.tryNow();
  $('sign-out').onclick = () => act.signOut();
  $('show-side').onclick = () => drawer('side');
  $('show-people').onclick = () => drawer('people');
  $('scrim').onclick = () => drawer(null);
  // No result: a handler that returns false would swallow every other key.
  document.onkeydown = ({ key }) => {
    if (key === 'Escape') drawer(null);
  };
  followSize($('log'));
  resize();
}
