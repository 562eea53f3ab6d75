// SPDX-License-Identifier: MIT
// A conversation as a spec of the test kit: what was sent, and what came of it.

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const WORDS = new Set(('and break do else elseif end false for function goto if '
  + 'in local nil not or repeat return then true until while t').split(' '));
/** Messages that depend on who else is there. */
const OF_ROOMS = new Set(['presence', 'joined', 'left', 'goodbye']);
const ASSERTIONS = 20; // for one answer

function text(value) {
  const escaped = value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')
    .replace(/[\0-\x1f\x7f]/g, (c) => `\\${String(c.charCodeAt(0)).padStart(3, '0')}`);
  return `"${escaped}"`;
}

/** A JSON value as Lua writes it. */
export function lua(value) {
  if (value === null || value === undefined) return 't.null';
  if (typeof value === 'string') return text(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) {
    return value.length ? `{ ${value.map(lua).join(', ')} }` : 't.array {}';
  }
  const fields = Object.entries(value).map(([name, it]) =>
    `${NAME.test(name) && !WORDS.has(name) ? name : `[${text(name)}]`} = ${lua(it)}`);
  return fields.length ? `{ ${fields.join(', ')} }` : '{}';
}

/** Numbers that are times, and ids that were drawn, are others in each run. */
function isFleeting(value) {
  if (typeof value === 'string') return /^[0-9a-f-]{32,36}$/i.test(value);
  return typeof value === 'number' &&
    ((value > 1e9 && value < 4e9) || (value > 1e12 && value < 4e12));
}

/** The parts of a value that stay, or undefined. */
function lasting(value) {
  if (value === null || isFleeting(value)) return undefined;
  if (typeof value !== 'object') return value;
  const kept = Object.entries(value).map(([name, it]) => [name, lasting(it)])
    .filter(([, it]) => it !== undefined);
  if (Array.isArray(value)) {
    return kept.length === value.length ? kept.map(([, it]) => it) : undefined;
  }
  return Object.fromEntries(kept);
}

/** Lines that say what is in an answer, each by its place. */
function* assertions(value, place) {
  if (value === null) return;
  if (isFleeting(value)) {
    yield `assert.is_${typeof value}(${place})`;
  } else if (typeof value !== 'object') {
    yield `assert.equal(${lua(value)}, ${place})`;
  } else {
    for (const [name, it] of Object.entries(value)) {
      yield* assertions(it, Array.isArray(value) ? `${place}[${Number(name) + 1}]`
        : NAME.test(name) && !WORDS.has(name) ? `${place}.${name}`
          : `${place}[${text(name)}]`);
    }
  }
}

/** A name of Lua for each pane's user. */
function variables(names) {
  const taken = new Set(['answer']);
  return names.map((user) => {
    let name = user.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');
    if (WORDS.has(name) || !name) name = `${name}_`;
    let free = name;
    for (let i = 2; taken.has(free); i++) free = `${name}${i}`;
    taken.add(free);
    return free;
  });
}

function* said(who, { sent, reply, error }) {
  const args = `${text(sent.type)}${sent.data === undefined ? ''
    : `, ${lua(sent.data)}`}`;
  if (error) {
    yield `assert.equal(${text(error.code)}, (${who}:fails(${args})))`;
    return;
  }
  const lines = [...assertions(reply, 'answer')].slice(0, ASSERTIONS);
  const isJoin = sent.type === 'join' && sent.data?.room;
  if (isJoin) {
    yield `${who}:join(${text(sent.data.room)})`;
  } else if (lines.length === 0) {
    yield `${who}:request(${args})`;
  } else {
    yield 'do';
    yield `  local answer = ${who}:request(${args})`;
    yield* lines.map((line) => `  ${line}`);
    yield 'end';
  }
}

function heard(who, { type, data }) {
  const part = data && typeof data === 'object' ? lasting(data) : undefined;
  return `${who}:expect(${text(type)}${part && Object.keys(part).length > 0
    ? `, ${lua(part)}` : ''})`;
}

/** The text of a spec. `panes` are the users in the order they came; an entry
 * has the number of its pane. */
export function spec(panes, entries) {
  const names = variables(panes.map(({ user }) => user));
  const body = panes.map(({ user }, i) =>
    `local ${names[i]} = t.connect ${text(user)}`);
  for (const entry of entries) {
    const who = names[panes.findIndex(({ number }) => number === entry.pane)];
    if (entry.sent && (entry.reply !== undefined || entry.error)) {
      body.push(...said(who, entry));
    } else if (entry.push && !OF_ROOMS.has(entry.push.type)) {
      body.push(heard(who, entry.push));
    }
  }
  return [
    '-- A conversation of the console. Times and ids that were drawn are left out.',
    'local t = require "perigee.testing"', '',
    'describe("A conversation", function()',
    '  it("goes as it went", function()',
    ...body.map((line) => `    ${line}`),
    '  end)', 'end)', ''].join('\n');
}
