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

// An auth_error with one of these is about the server's day, not the token.
const PASSING = ['AUTH_TIMEOUT', 'UNAVAILABLE', 'OVERLOADED', 'RATE_LIMITED',
  'HANDLER_ERROR', 'HANDLER_TIMEOUT'];

/** True if the same may succeed later. */
export const isPassing = (error) =>
  error.retry || PASSING.includes(error.code);

/**
 * Whatever can go wrong. `code` is the server's or script's own, or one of the
 * client's: NOT_READY QUEUE_FULL BUSY TOO_LARGE DISCONNECTED TIMEOUT ABORTED
 * CLOSED LEFT NO_TOKEN TOKEN_UNAVAILABLE NO_SOCKET. `sent` says whether the
 * message had left, in which case the server may have acted on it.
 */
export class PerigeeError extends Error {
  constructor(code, sent = false, { message, retry = false, ...more } = {}) {
    super(message || code);
    this.name = 'PerigeeError';
    this.code = code;
    this.sent = sent;
    this.retry = retry;
    if (more.retry_after_ms) this.retryAfterMs = more.retry_after_ms;
    if (more.ref) this.ref = more.ref;
    if (more.cause) this.cause = more.cause;
  }
}

/** The `data` of an `error` or `auth_error` message, as an Error. */
export const fromServer = (data) =>
  new PerigeeError(data?.code || 'UNKNOWN', true, data || {});
