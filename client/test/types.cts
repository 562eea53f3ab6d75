// SPDX-License-Identifier: MIT
// Compiled, never run: the types of `require`.

import { PerigeeError, SocketClient } from 'perigee';
import type { State } from 'perigee';

const client = new SocketClient('/ws', { token: 'token' });
const state: State = client.getState();
// @ts-expect-error: no such state
if (state.state === 'open') client.close();

export = { state, isOurs: (error: unknown) => error instanceof PerigeeError };
