// SPDX-License-Identifier: MIT
// Compiled, never run: what must type-check, and what must not.

import { AUTH_STATUS, CLOSE, PerigeeError, SocketClient, WS_STATUS }
  from '../index.js';

type Pushes = { 'chat.message': { from: string; text: string } };

const client = new SocketClient<Pushes>('/ws', {
  tokenGetter: async () => 'token', queue: 10,
});

const off: () => void = client.on('chat.message', ({ from }, { room }) =>
  (from + (room ?? '')).toUpperCase());
client.once('@room', ({ room, state }) => `${room} ${state === 'refused'}`);
client.on('goodbye', ({ reconnect_in_ms: [, last] }) => last.toFixed());
// @ts-expect-error: not one of the pushes
client.on('chat.massage', () => {});
// @ts-expect-error: a push has no such field
client.on('chat.message', ({ form }) => form);

const sent: boolean = client.send('chat.typing', { room: 'r1' });
// @ts-expect-error: a type is a string
client.send(5);

const answer: Promise<{ at: number }> = client.request<{ at: number }>(
  'chat.send', {}, { timeout: 5, signal: new AbortController().signal });
const joined: Promise<{ members: string[] }> = client.join('r1');
client.leave('r1', { all: true });
client.on('joined', (data, { room }) => [data.seat, room ?? '']);
client.on('auth_ok', ({ limits }) => limits?.burst.toFixed());
client.on('resumed', ({ awayMs }) => awayMs.toFixed());
client.on('session_lost', ({ sent: unsure }) => unsure[0]?.type.concat(''));
client.on('gap', ({ since }, { room }) => [since?.seq, room]);
const lobby = client.room('lobby');
lobby.on('chat.message', ({ text }, { seq }) => `${seq} ${text}`);
lobby.on('presence', ({ joined: [first] }) => first?.user.concat(''));
const users: string[] = lobby.presence.map(({ user }) => user);
const page: Promise<number[]> = lobby.history({ before: 5 }).then(
  ({ messages }) => messages.map(({ at }) => at));
// @ts-expect-error: a snapshot is not for writing
lobby.presence.push({ user: 'alice' });

client.onStateChange(({ state, nextAttemptAt, lastError }) => {
  const known: number = nextAttemptAt ?? 0;
  if (state === 'closed' && lastError instanceof PerigeeError) {
    lastError.code.concat(String(known));
  }
  // @ts-expect-error: no such state
  if (state === 'open') off();
});
// @ts-expect-error: a snapshot is not for writing
client.getState().attempt = 0;

const online: boolean = client.getState().wsStatus === WS_STATUS.ONLINE;
const failed: boolean = client.getState().authStatus === AUTH_STATUS.FAILED;
const kicked: boolean = client.getState().code === CLOSE.KICKED;
const later: boolean = client.getState().code === CLOSE.TRY_LATER;

// Untyped, everything goes.
new SocketClient().on('anything', (data) => data.whatever);

export { answer, failed, joined, kicked, later, online, page, sent, users };
