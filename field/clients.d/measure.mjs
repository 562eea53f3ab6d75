// SPDX-License-Identifier: MIT
// What is measured of one client: each function is one conversation, or part
// of one, of its program with a perigee behind a relay.
import { spawn } from 'node:child_process';
import { token } from '../support/perigee.mjs';
import { startRelay } from './relay.mjs';

const WAIT_MS = 20000;
let number = 0;

/** Starts the program and logs in; null if it does not. */
async function begin(row, server, plan) {
  number += 1;
  const user = `${plan}-${number}`;
  const relay = await startRelay(server.port);
  const auth = JSON.stringify({ type: 'auth', data: { token: token(user) } });
  const [command, ...args] = row.command;
  const child = spawn(command, [...args, relay.url, auth], {
    cwd: row.folder, stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own: browsers are many processes
    env: { ...process.env, ...row.env },
  });
  const talk = { user, relay, child, server, lines: [], errors: '' };
  const from = server.lines.length;
  let said = '';
  talk.ended = new Promise((done) => {
    child.once('close', done);
    child.once('error', (error) => {
      talk.errors += error.message;
      done();
    });
  });
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const parts = (said + text).split('\n');
    said = parts.pop();
    talk.lines.push(...parts);
    if (parts.some((line) => /^closed/.test(line))) talk.onClosed?.();
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    talk.errors += text;
  });
  talk.logged = (event, ms = WAIT_MS) => server.find(
    (line) => line.plan === user && line.event === event, ms, from);
  talk.all = (event) => server.lines.slice(from)
    .filter((line) => line.plan === user && line.event === event);
  const gone = talk.ended.then(() => null);
  talk.isIn = Boolean(await Promise.race([talk.logged('connect'), gone]));
  return talk;
}

function kill(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch { /* it is gone already */ }
}

/** Waits for the program to end by itself, then cleans up. */
async function end(talk, ms = WAIT_MS) {
  let timer;
  const late = new Promise((done) => { timer = setTimeout(done, ms, 'late'); });
  if (await Promise.race([talk.ended, late]) === 'late') {
    talk.isLate = true;
    kill(talk.child);
    await talk.ended;
  }
  clearTimeout(timer);
  talk.relay.close();
  return talk;
}

const gotBy = (talk) => talk.lines.filter((line) => /^got \d+/.test(line));

/** What the user saw: the program's lines on errors and closing, joined. */
const seenBy = (talk, ms) => {
  const told = talk.lines.filter((line) => /^(error|closed)/.test(line));
  if (told.length) return told.join('; ');
  if (talk.isLate) return `nothing in ${ms / 1000} s`;
  return talk.errors.trim().split('\n').pop() || 'the program ended silently';
};

/** Log in, join, push, 40 KB there and back, goodbye by the client. */
export async function converse(row, server) {
  const talk = await begin(row, server, 'talk');
  const gone = talk.isIn && await talk.logged('disconnect');
  await end(talk, 15000);
  const { seen } = talk.relay;
  const [text] = talk.all('text');
  const steps = [
    [talk.isIn, `no login: ${(/ 101 /.test(seen.status) ? '' : seen.status)
      || talk.errors.trim() || '-'}`],
    [talk.all('join').length === 1, 'no join'],
    [text?.same, 'the 40 KB did not come as they were'],
    [gone?.reason === 'closed', `ended by ${gone?.reason ?? 'nobody'}`],
    [/^1000/.test(seen.close ?? ''), `closed ${seen.close ?? 'silently'}`],
  ];
  return {
    ok: steps.every(([good]) => good),
    fault: steps.find(([good]) => !good)?.[1] ?? '',
    seen, told: seenBy(talk, 15000), errors: talk.errors,
    clientParts: Boolean(seen.clientParts),
  };
}

/** Messages that grow: the last that came, and what is seen of the next. */
export async function largest(row, server) {
  const talk = await begin(row, server, 'sizes');
  const gone = talk.isIn && await talk.logged('disconnect', 120000);
  await end(talk, 15000);
  const sizes = talk.all('size').map((line) => line.size);
  const { seen } = talk.relay;
  return {
    bytes: sizes.at(-1) ?? 0,
    isAll: gone?.reason === 'closed' && sizes.at(-1) === 1 << 24,
    told: seenBy(talk, 15000), close: seen.close ?? 'nothing',
    parts: gotBy(talk).length > 2 * sizes.length + 4, // auth_ok, bye, the next
  };
}

/** The connection is lost: hard is a reset, else an end without close frame. */
export async function lose(row, server, hard) {
  const talk = await begin(row, server, 'wait');
  await new Promise((done) => { setTimeout(done, 300); });
  talk.relay.cut(hard);
  await end(talk, 15000);
  return seenBy(talk, 15000);
}

/** The server closes 4321: what the user is told. */
export async function shut(row, server) {
  const talk = await begin(row, server, 'shut');
  await end(talk, 15000);
  return { told: seenBy(talk, 15000), answer: talk.relay.seen.close };
}

/** Left alone: the pings it sends by itself, and whether it answers one. */
export async function idle(row, server, seconds) {
  const talk = await begin(row, server, 'wait');
  await new Promise((done) => { setTimeout(done, 300); });
  const from = Date.now();
  talk.relay.ping();
  await new Promise((done) => { setTimeout(done, seconds * 1000); });
  const { pongs } = talk.relay.seen;
  const pings = talk.relay.seen.pings.filter((at) => at - from < seconds * 1000);
  kill(talk.child);
  await end(talk, 15000);
  return {
    pong: pongs.includes('field'),
    pings: pings.length,
    every: pings.length ? Math.round((pings[0] - from) / 1000) : 0,
  };
}
