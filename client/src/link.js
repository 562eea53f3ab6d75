// SPDX-License-Identifier: MIT
// One connection: token, socket, authentication, heartbeat, refresh.
//
// A link is used once. It ends exactly once, by `close` or by calling
// `owner.ended`, and says nothing after that, whatever is still under way; only
// the auth_error that ended it is passed on, so that its listeners find the
// client closed and may connect again.

import { decode, encode } from './codec.js';
import { CLOSE, PerigeeError, closeAfter, fromServer } from './codes.js';
import { Timers } from './timers.js';
import { Transport } from './transport.js';
import { Watchdog } from './watchdog.js';

/** In place of a token: the handshake brings one, in a cookie or a header. */
export const HANDSHAKE = Symbol('handshake');

// A handshake logs in at once, and without a session; or it waits for us to ask.
const address = (url, token, asks) => (token === HANDSHAKE && asks
  ? `${url}${`${url}`.includes('?') ? '&' : '?'}auth=message` : url);

const NO_LOGIN = 'The handshake brought no token.';

const trouble = (code, retry, cause, message) =>
  new PerigeeError(code, false, { message, retry, cause });

export class Link {
  #options;
  #source; // the token, or the function that gets it, or HANDSHAKE
  #refused;
  #session;
  #owner;
  #timers;
  #watchdog;
  #transport = null;
  #opened = false; // by the other side, too
  #open = true;
  #ready = false;
  #sent; // the last token that was

  /**
   * `owner` has `authenticating()`, `ready(facts)`, `message(envelope)` and
   * `ended(code, reason, error)`; `code` is null if no socket was closed.
   * `refused` is the `token` that need not be tried again, with the `error`.
   * `session` is the one to ask for, or to go on with.
   */
  constructor(options, source, { refused, session }, owner) {
    this.#options = options;
    this.#source = source;
    this.#refused = refused;
    this.#session = session;
    this.#owner = owner;
    this.#timers = new Timers(options.clock);
    this.#watchdog = new Watchdog(options.clock, this.#timers,
      () => this.ping(),
      () => this.#end(CLOSE.PING_TIMEOUT, 'ping_timeout'));
  }

  async start(url) {
    this.#timers.set('attempt', this.#options.connectTimeout, () =>
      this.#end(null, 'timeout', trouble('TIMEOUT', true)));
    let token;
    try {
      token = await this.#token();
    } catch (cause) {
      this.#end(null, 'no token now',
        trouble('TOKEN_UNAVAILABLE', true, cause));
    }
    if (!this.#open) return;
    if (!token) this.#end(null, 'no token', trouble('NO_TOKEN'));
    else if (token !== this.#refused?.token) this.#dial(url, token);
    else this.#end(CLOSE.AUTH_FAILED, 'auth_failed', this.#refused.error);
  }

  /** The token that was sent last. */
  get token() {
    return this.#sent;
  }

  /** Bytes that `send` has taken and the network has not. */
  get buffered() {
    return this.#transport.buffered;
  }

  /** True once authenticated. */
  get isReady() {
    return this.#ready;
  }

  /** False while the socket closes, which may take it some time. */
  get canSend() {
    return this.#ready && this.#transport.isOpen;
  }

  send(text) {
    this.#transport.send(text);
  }

  /** Asks the server what it has. */
  ping() {
    this.#write('ping');
  }

  /** Makes sure, within seconds, that the server is still there. */
  probe() {
    if (this.#ready) this.#watchdog.probe();
  }

  /**
   * Authenticates again. Fails quietly and tries again in the `left` seconds:
   * when the token expires, the server lets the connection go.
   */
  async refresh(source = this.#source, left = 0) {
    this.#source = source;
    const token = await this.#token().catch(() => null);
    if (!this.#open || source !== this.#source) return;
    if (token) this.#auth(token);
    else if (left > 1) this.#refreshIn(left);
  }

  // Code 1000 would end a session; without a code the server waits for us.
  close(reason) {
    this.#open = this.#ready = false;
    this.#timers.clearAll();
    this.#transport?.close(this.#session.isOn ? undefined : 1000, reason);
  }

  #end(code, reason, error) {
    if (!this.#open) return;
    this.close(reason);
    this.#owner.ended(code, reason, error);
  }

  async #token() {
    return typeof this.#source === 'function' ? this.#source() : this.#source;
  }

  #dial(url, token) {
    const WebSocket = this.#options.WebSocket || globalThis.WebSocket;
    if (typeof WebSocket !== 'function') {
      this.#end(null, 'no socket', trouble('NO_SOCKET'));
      return;
    }
    try {
      const asks = token !== HANDSHAKE || this.#session.hello;
      this.#transport = new Transport(WebSocket, address(url, token, asks), {
        open: () => {
          this.#opened = true;
          if (asks) this.#auth(token, this.#session.hello);
          this.#owner.authenticating();
        },
        message: (text) => this.#receive(text),
        close: (...how) => this.#closed(...how),
      });
    } catch (cause) { // an address it will never take
      this.#end(null, 'no socket', trouble('NO_SOCKET', false, cause,
        cause.message));
    }
  }

  #auth(token, session) {
    this.#sent = token;
    this.#write('auth',
      { token: token === HANDSHAKE ? undefined : token, session });
  }

  #closed(code, reason, cause) {
    let error;
    if (!this.#opened) error = trouble('UNREACHABLE', true, cause);
    if (code === CLOSE.AUTH_TIMEOUT && this.#source === HANDSHAKE) {
      error = trouble('NO_TOKEN', true, undefined, NO_LOGIN);
    }
    this.#end(code, reason, error);
  }

  #receive(text) {
    this.#watchdog.heard();
    const message = decode(text);
    if (!message) return;
    const { type, data } = message;
    if (this.#ready) this.#session.heard(message);
    if (type === 'ping') this.#write('pong', this.#session.ack);
    if (type === 'auth_ok') this.#accepted(data || {});
    if (type === 'auth_error') {
      const error = fromServer(data);
      this.#end(...closeAfter(error), error);
    } else if (!this.#open) return; // a listener of ready has closed it
    this.#owner.message(message);
  }

  #accepted(facts) {
    if (typeof this.#source === 'function') this.#refreshIn(facts.ttl);
    if (this.#ready) return; // the answer to a refresh
    this.#timers.clear('attempt');
    this.#watchdog.start(facts.ping_ms + facts.pong_ms);
    this.#ready = true;
    this.#owner.ready(facts);
  }

  #refreshIn(seconds) {
    if (!(seconds > 0)) return;
    this.#timers.set('refresh', seconds * 800, () =>
      this.refresh(this.#source, seconds * 0.2));
  }

  #write(type, data) {
    this.#transport.send(encode(type, data));
  }
}
