// SPDX-License-Identifier: MIT
// Close codes, error codes, and what the client makes of them.

/** Why the server closes a connection. The range carries the verdict. */
export const CLOSE = {
  SHUTDOWN: 1001,
  PING_TIMEOUT: 4001,
  SLOW_CONSUMER: 4002,
  TOKEN_EXPIRED: 4003,
  RECONNECT: 4004,
  INTERNAL: 4005,
  AUTH_TIMEOUT: 4006,
  TRY_LATER: 4007,
  BAD_PROTOCOL: 4500,
  AUTH_FAILED: 4501,
  KICKED: 4502,
  REPLACED: 4503,
  CONNECTION_LIMIT: 4504,
  TOO_MANY_ERRORS: 4505,
  UNSUPPORTED_FRAME: 4506,
  TOO_LARGE: 4507,
};

/** True if coming back after this close code would be refused again. */
export const isFinal = (code) => code >= 4500 && code <= 4999;

// The token was refused for its age: time or a new one cures it.
const isAge = ({ code }) =>
  code === 'TOKEN_EXPIRED' || code === 'TOKEN_NOT_YET_VALID';

// An auth_error with one of these is about the server's day, not the token.
const PASSING = ['AUTH_TIMEOUT', 'UNAVAILABLE', 'OVERLOADED', 'RATE_LIMITED',
  'HANDLER_ERROR', 'HANDLER_TIMEOUT', 'TRY_LATER', 'TOKEN_NOT_YET_VALID'];

/** True if the same may succeed later. */
export const isPassing = (error) =>
  error.retry || PASSING.includes(error.code);

/** How a server closes after this auth_error. */
export const closeAfter = (error) => (isAge(error)
  ? [CLOSE.TOKEN_EXPIRED, 'token_expired'] : isPassing(error)
    ? [CLOSE.INTERNAL, 'internal'] : [CLOSE.AUTH_FAILED, 'auth_failed']);

// What the client itself has to say.
const SENTENCES = {
  NOT_READY: 'There is no connection.',
  QUEUE_FULL: 'The queue is full.',
  BUSY: 'The network is behind.',
  TOO_LARGE: 'The message is too long.',
  DISCONNECTED: 'The connection ended first.',
  TIMEOUT: 'No answer came in time.',
  ABORTED: 'The request was aborted.',
  CLOSED: 'The client was closed.',
  LEFT: 'The room was left.',
  NO_TOKEN: 'There is no token: nobody is logged in.',
  TOKEN_UNAVAILABLE: 'There is no token just now.',
  NO_SOCKET: 'There is no WebSocket: before Node 22 pass { WebSocket } from ' +
    'the package ws.',
  UNREACHABLE: 'The server cannot be reached.',
};

/**
 * Whatever can go wrong. `code` is the server's or script's own, or one of the
 * client's above. `sent` says whether the message had left, in which case the
 * server may have acted on it.
 */
export class PerigeeError extends Error {
  constructor(code, sent = false, { message, retry = false, ...more } = {}) {
    const why = more.cause?.message;
    super(message || (SENTENCES[code] || code) + (why ? ` (${why})` : ''));
    this.name = 'PerigeeError';
    this.code = code;
    this.sent = sent;
    this.retry = retry;
    if (more.retry_after_ms) this.retryAfterMs = more.retry_after_ms;
    if (more.ref) this.ref = more.ref;
    if (more.data !== undefined) this.data = more.data;
    if (more.cause) this.cause = more.cause;
  }
}

/** The `data` of an `error` or `auth_error` message, as an Error. */
export const fromServer = (data) =>
  new PerigeeError(data?.code || 'UNKNOWN', true, data || {});
