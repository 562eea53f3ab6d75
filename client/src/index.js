// SPDX-License-Identifier: MIT
// The browser side of Perigee.
//
//   import { SocketClient } from '/perigee.js';
//
//   const client = new SocketClient('/ws', {
//     tokenGetter: () => getMyToken(), // null: nobody; a throw: ask later
//   });
//
//   client.on('chat.message', ({ from, text }) => show(from, text));
//   client.onStateChange(({ state, nextAttemptAt }) => banner(state));
//   client.connect();
//
//   const { members } = await client.join('lobby');
//   client.room('lobby').on('presence', () => ...);     // who is there
//   client.send('chat.typing', { room: 'lobby' });      // → true or false
//   await client.request('chat.send', { room: 'lobby', text: 'Hello' });
//
// Reading the source, in the order of a message's life: client.js holds the
// state machine and knows everybody; sender.js decides what leaves, outbox.js
// holds what waits, and pacer.js says how long; session.js counts what has
// arrived, over all connections; link.js is one connection, transport.js one
// socket, codec.js one message; requests.js knows who waits for an answer,
// room.js what to join again, position.js and catchup.js from where, presence.js
// who is there, handle.js is all that for one room. watchdog.js, backoff.js,
// codes.js and page.js say when to give up, when to come back, and what the
// browser thinks.

export { AUTH_STATUS, SocketClient, WS_STATUS } from './client.js';
export { CLOSE, PerigeeError } from './codes.js';
