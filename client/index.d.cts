// SPDX-License-Identifier: MIT
// The types of the Perigee client, with an example per method.

/** What perigee.global.js defines, for scripts that are no modules. */
export as namespace Perigee;

/** Any JSON value goes; `undefined` stands for no data. */
export type Data = unknown;

export type Token = string | null | undefined;
/** Null means that nobody is logged in; throwing means "ask me later". */
export type TokenGetter = () => Token | Promise<Token>;

export interface Options {
  /**
   * A fixed token. With neither `token` nor `tokenGetter` it is the handshake
   * that logs in, by a cookie for example.
   */
  token?: Token | TokenGetter;
  /** Asked before each connection and each refresh; wins over `token`. */
  tokenGetter?: TokenGetter;
  /**
   * Ask for a session, which goes on over lost connections: true. With false
   * every lost connection is a new beginning.
   */
  session?: boolean;
  /**
   * Keep messages while not ready: true for 64, or how many; false for none.
   * Left out: 64, as long as the session may go on.
   */
  queue?: boolean | number;
  /** Milliseconds. Defaults: 500, 20000, 10000, 15000, 10000. */
  minDelay?: number;
  maxDelay?: number;
  stableAfter?: number;
  connectTimeout?: number;
  requestTimeout?: number;
  /** Bytes on their way to the server above which `send` refuses: 1 MiB. */
  maxBuffered?: number;
  /** Where there is none, as in Node before 22: the class of the `ws` package. */
  WebSocket?: unknown;
  /** For tests. */
  random?: () => number;
  clock?: {
    now(): number;
    setTimeout(fn: () => void, ms: number): unknown;
    clearTimeout(timer: any): void;
  };
  page?: unknown;
}

export declare const WS_STATUS: {
  readonly OFFLINE: 'offline';
  readonly CONNECTING: 'connecting';
  readonly ONLINE: 'online';
};

export declare const AUTH_STATUS: {
  readonly PENDING: 'pending';
  readonly AUTHED: 'authed';
  readonly FAILED: 'failed';
};

/** Close codes of the server; 4500 to 4999 are final, all others are not. */
export declare const CLOSE: Readonly<Record<
  | 'SHUTDOWN' | 'PING_TIMEOUT' | 'SLOW_CONSUMER' | 'TOKEN_EXPIRED'
  | 'RECONNECT' | 'INTERNAL' | 'AUTH_TIMEOUT' | 'TRY_LATER'
  | 'BAD_PROTOCOL' | 'AUTH_FAILED' | 'KICKED' | 'REPLACED' | 'CONNECTION_LIMIT' | 'TOO_MANY_ERRORS'
  | 'UNSUPPORTED_FRAME' | 'TOO_LARGE', number>>;

export declare class PerigeeError extends Error {
  /**
   * The server's or script's, or one of the client's: NOT_READY QUEUE_FULL BUSY
   * TOO_LARGE DISCONNECTED TIMEOUT ABORTED CLOSED LEFT NO_TOKEN
   * TOKEN_UNAVAILABLE NO_SOCKET UNREACHABLE. `message` is a sentence.
   */
  code: string;
  /** Whether the message had left, so that the server may have acted on it. */
  sent: boolean;
  /** Whether the same may succeed later. */
  retry: boolean;
  retryAfterMs?: number;
  /** What the server's log calls this error. */
  ref?: string;
  /** What a script gave with its error. */
  data?: any;
  cause?: unknown;
}

/** A frozen snapshot; the same object until something changes. */
export interface State {
  readonly state: 'idle' | 'connecting' | 'authenticating' | 'ready'
    | 'waiting' | 'closed';
  readonly wsStatus: 'offline' | 'connecting' | 'online';
  readonly authStatus: 'pending' | 'authed' | 'failed';
  /** Reconnects since the connection was last stable. */
  readonly attempt: number;
  /** While waiting, in milliseconds since 1970, for a countdown; else null. */
  readonly nextAttemptAt: number | null;
  /** Why the last connection ended; null if no socket was closed. */
  readonly code: number | null;
  readonly reason: string;
  readonly lastError: PerigeeError | null;
  readonly user: string | null;
  /** Of the present or the last connection. */
  readonly conn: number | string | null;
}

export interface Room<D = any> {
  room: string;
  state: 'joining' | 'joined' | 'refused' | 'left';
  /** What the server answered, once joined; what a script said, if it left. */
  data?: D;
  /** Why it was refused, or why joining (with other data) takes longer. */
  error?: PerigeeError;
}

export interface Message<D = any> {
  type: string;
  data: D;
  /** The room the message was sent to, if it was sent to one. */
  room?: string;
  /** Its number, if that room has a history. */
  seq?: number;
}

/** A place in the history of a room; `epoch` names the counting. */
export interface Position {
  epoch: string;
  seq: number;
}

/** Messages of a room that are not to be had any more: those after `since`. */
export interface Gap {
  /** Undefined if the server did not say, or nothing was known before. */
  since?: Position;
  epoch?: string;
  seq?: number;
}

/** A user in a room, with the number of connections and what scripts say. */
export interface Present<I = any> {
  readonly user: string;
  readonly devices?: number;
  readonly since?: number;
  readonly info?: I;
}

export interface PresenceChange<I = any> {
  joined: Array<Present<I>>;
  left: string[];
  changed: Array<Present<I>>;
  count: number;
}

export interface HistoryPage<D = any> {
  epoch: string;
  /** In order; `at` is in milliseconds since 1970. */
  messages: Array<{ seq: number; type: string; data: D; at: number }>;
  more: boolean;
}

/** What comes of itself, beside what the scripts push. */
export interface LocalEvents {
  auth_ok: { user: string; conn: number | string; ttl?: number;
    limits?: { messages_per_s: number; burst: number; bytes_per_s: number;
      [more: string]: unknown };
    [more: string]: unknown };
  auth_error: { code: string; message: string; retry?: boolean;
    retry_after_ms?: number };
  /** A failure of a `send`, such as RATE_LIMITED; TRY_LATER before a close. */
  error: { code: string; message: string; retry?: boolean;
    retry_after_ms?: number; type?: string };
  goodbye: { reconnect_in_ms: [number, number] };
  /** A script has put this client into a room, or taken it out: `message.room`. */
  joined: any;
  left: any;
  /** The session goes on. What was missed follows. */
  resumed: { awayMs: number };
  /**
   * The session could not go on: a new one begins, rooms are joined again; or
   * the server has closed the client for good. `sent` are your messages that may
   * or may not have arrived.
   */
  session_lost: { awayMs: number;
    sent: Array<{ type: string; data?: Data; id?: number }> };
  /** Messages of `message.room` are missing for good. */
  gap: Gap;
  /** Who came and went in `message.room`. */
  presence: PresenceChange;
  '@room': Room;
  '@dropped': Array<{ type: string; data: Data }>;
}

/** What `perigee types` writes of a server's scripts. */
export interface AnyApi {
  requests: object;
  replies: object;
  pushes: object;
}

/** The pushes of an API; or what was given are the pushes themselves. */
type PushesOf<A> = A extends AnyApi ? A['pushes'] : A;
/** Requests that the server itself answers. */
type BuiltIn = 'ping' | 'history';
type RequestType<A> =
  A extends AnyApi ? (keyof A['requests'] & string) | BuiltIn : string;
/** The data of a request; unknown: any, or none. */
type RequestData<A, K> = A extends AnyApi
  ? K extends keyof A['requests'] ? A['requests'][K] : Data
  : Data;
/** What stands behind the type: data may be left out if it may be undefined. */
type Rest<D, O extends unknown[]> =
  undefined extends D ? [data?: D, ...options: O] : [data: D, ...options: O];
type ReplyOf<A, K, R> = A extends AnyApi
  ? K extends keyof A['replies'] ? A['replies'][K] : R
  : R;

type Listener<D> = (data: D, message: Message<D>) => void;
type Known<P> = P & LocalEvents;

/**
 * One room, for those who have to do with that one only. A handle: having it
 * does not join the room.
 */
export interface RoomHandle<P = Record<string, any>> {
  readonly name: string;
  /** As in `client.rooms`; a room that nobody here wants is `left`. */
  readonly state: Room['state'];
  /** What the server answered to the join. */
  readonly data: any;
  /**
   * Who is there, if the server tells: frozen, the same array until it
   * changes. Of a large room the server names only some; `count` knows all.
   * @example room.on('presence', () => show(room.presence));
   */
  readonly presence: ReadonlyArray<Present>;
  readonly count: number;

  /** `client.join` of this room; `since: { last: 20 }` brings the newest 20. */
  join<R = any>(data?: object): Promise<R>;
  leave(options?: { all?: boolean }): Promise<void>;

  /**
   * A page of what was said before.
   * @example const { messages } = await room.history({ before: 42, limit: 50 });
   */
  history<D = any>(query?: { before?: number; after?: number; limit?: number }):
    Promise<HistoryPage<D>>;

  /** As those of the client, for what belongs to this room. */
  on<K extends keyof Known<P> & string>(
    type: K, fn: Listener<Known<P>[K]>): () => void;
  once<K extends keyof Known<P> & string>(
    type: K, fn: Listener<Known<P>[K]>): () => void;
  off<K extends keyof Known<P> & string>(
    type: K, fn?: Listener<Known<P>[K]>): void;
}

/**
 * A connection that stays. With the types of a server's scripts (`perigee types
 * --out=api.d.ts`) requests, replies and pushes are checked:
 * @example
 * import type { Api } from './api';
 * const client = new SocketClient<Api>('/ws', { tokenGetter });
 * @example
 * type Pushes = { 'chat.message': { from: string; text: string } };
 * const client = new SocketClient<Pushes>('/ws', { tokenGetter }); // these only
 */
export declare class SocketClient<A = Record<string, any>> {
  /** `ws(s)://…`, `http(s)://…` or a path on the page's host; `/ws` if none. */
  constructor(url?: string, options?: Options);

  /**
   * Connects, unless that is under way, and stays connected.
   * @example client.connect();
   * @example await client.connect(); // ready, or it was final
   */
  connect(): Promise<void>;

  /** Drops the connection, if any, and connects now. */
  reconnect(): Promise<void>;

  /** Ends the connection until `connect`. Rooms stay remembered. */
  close(): void;

  /**
   * Another token, or another way to get it, of the same user: refreshes at
   * once when connected. For another user, `close()` first.
   * @example client.setToken(login.token); client.connect();
   */
  setToken(source: Token | TokenGetter): void;

  /**
   * True if the message left or is queued.
   * @example if (!client.send('chat.typing', { room })) return;
   */
  send<K extends RequestType<A>>(
    type: K, ...rest: Rest<RequestData<A, K>, []>): boolean;

  /**
   * Sends and waits for the answer. Rejects with a PerigeeError. One that is
   * RATE_LIMITED is made again, if that is still within its time.
   * @example const { at } = await client.request('chat.send', { room, text });
   * @example client.request('search', q, { timeout: 2000, signal });
   * @example await client.request('ping'); // there and back
   */
  request<R = any, K extends RequestType<A> = RequestType<A>>(
    type: K, ...rest: Rest<RequestData<A, K>,
      [options?: { timeout?: number; signal?: AbortSignal }]>):
    Promise<ReplyOf<A, K, R>>;

  /**
   * Calls `fn` for each message of a type. Returns the function that ends it.
   * @example const off = client.on('chat.message', ({ from, text }) => …);
   */
  on<K extends keyof Known<PushesOf<A>> & string>(
    type: K, fn: Listener<Known<PushesOf<A>>[K]>): () => void;

  /** The same, for the next message only. */
  once<K extends keyof Known<PushesOf<A>> & string>(
    type: K, fn: Listener<Known<PushesOf<A>>[K]>): () => void;

  /** Ends one listener, or all of a type. */
  off<K extends keyof Known<PushesOf<A>> & string>(
    type: K, fn?: Listener<Known<PushesOf<A>>[K]>): void;

  /**
   * Enters a room and stays in it over reconnects; where the server keeps a
   * history, what was missed comes first. Resolves with the server's answer;
   * rejects if it refuses. Joins are counted: a room that is joined
   * already is asked for again only with other `data`, of which the latest
   * counts.
   * @example const { members } = await client.join('lobby');
   */
  join<R = any>(room: string, data?: object): Promise<R>;

  /**
   * Takes one `join` back; the last one leaves the room.
   * @example client.leave('lobby');
   * @example client.leave('lobby', { all: true }); // however many joined
   */
  leave(room: string, options?: { all?: boolean }): Promise<void>;

  /**
   * A handle for one room.
   * @example const off = client.room('lobby').on('chat.message', show);
   */
  room(name: string): RoomHandle<PushesOf<A>>;

  /** The rooms wanted, with their states. Changes come as `@room`. */
  readonly rooms: Room[];

  /** The messages waiting for a connection, oldest first. */
  readonly queued: Array<{ type: string; data: Data }>;

  /** Empties the queue; its requests fail. Returns what was in it. */
  clearQueue(): Array<{ type: string; data: Data }>;

  getState(): State;

  /**
   * Calls `fn` now and whenever the state changes.
   * @example const stop = client.onStateChange(({ state }) => show(state));
   */
  onStateChange(fn: (state: State) => void): () => void;
}
