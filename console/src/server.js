// SPDX-License-Identifier: MIT
// Asking the server. A session has two parts: a cookie, which scripts cannot
// read, and what `begin` was given, which goes into a field of each request.

const KEPT = 'perigee.console';

let page = localStorage.getItem(KEPT);
let onEnd = () => {};

/** Why the server did not do it; `answer` is what it said. */
export class Refusal extends Error {
  constructor(status, answer) {
    super(answer.detail || answer.message || answer.title ||
      `The server answered ${status}.`);
    this.status = status;
    this.answer = answer;
  }
}

export const hasSession = () => page !== null;

/** Calls the function when the session has ended. */
export const whenEnded = (then) => { onEnd = then; };

function forget() {
  page = null;
  localStorage.removeItem(KEPT);
}

async function read(response) {
  const text = await response.text();
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    return { detail: text.trim() };
  }
}

async function request(method, path, headers, body) {
  const response = await fetch(path, { method, headers, body,
    cache: 'no-store', signal: AbortSignal.timeout(60000) });
  const answer = await read(response);
  if (!response.ok) throw new Refusal(response.status, answer);
  return answer;
}

/** Makes a request of the session; throws a Refusal, or that there was no
 * answer. */
export async function ask(method, path, body) {
  const headers = { 'Perigee-Console': page ?? '' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  try {
    return await request(method, path, headers,
      body === undefined ? undefined : JSON.stringify(body));
  } catch (error) {
    if (error.status === 401) {
      forget();
      onEnd();
    }
    throw error;
  }
}

/** Gets lines of JSON as they come, until the signal ends it. */
export async function stream(path, signal, take) {
  const response = await fetch(path, { signal, cache: 'no-store',
    headers: { 'Perigee-Console': page ?? '' } });
  if (!response.ok) throw new Refusal(response.status, await read(response));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    take(lines.filter(Boolean).map((line) => JSON.parse(line)));
  }
}

export const api = (method, path, body) => ask(method, `/api/v1${path}`, body);

/** Begins a session with a key, or with the secret of a link. */
export async function enter(scheme, secret) {
  const answer = await request('POST', '/console/enter',
    { Authorization: `${scheme} ${secret}` });
  page = answer.page;
  localStorage.setItem(KEPT, page);
  return answer;
}

export async function leave() {
  await ask('POST', '/console/leave').catch(() => {});
  forget();
}
