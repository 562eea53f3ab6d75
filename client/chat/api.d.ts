// Made by `perigee types` from what the scripts declare: do not edit.

/** What clients may send, by message type. */
export interface Requests {
  /** Says something in a room that one has joined. */
  'chat.send': {
    room: string;
    /** at most 2000 characters */
    text: string;
  };
  /** Shows the others in a room that one is writing. */
  'chat.typing': {
    room: string;
  };
  /** Says something to a user, on all devices. */
  'direct.send': {
    /** at most 2000 characters */
    text: string;
    to: string;
  };
  'echo': unknown;
  /** Says something to everybody who is connected. */
  'notify.all': {
    /** at most 2000 characters */
    text: string;
  };
}

/** What they are answered. Nothing is known of `unknown`. */
export interface Replies {
  'chat.send': {
    at: number;
  };
  'chat.typing': unknown;
  'direct.send': {
    at: number;
    /** at least 1 */
    devices: number;
  };
  'echo': unknown;
  'notify.all': {
    reached: number;
  };
}

/** What the server sends by itself. */
export interface Pushes {
  'chat.message': {
    at: number;
    from: string;
    text: string;
  };
  'chat.typing': {
    from: string;
  };
  'direct.message': {
    at: number;
    from: string;
    text: string;
  };
  'direct.sent': {
    at: number;
    from: string;
    text: string;
    to: string;
  };
  'notify': {
    at: number;
    text: string;
  };
}

/** For the client: `new SocketClient<Api>('/ws')`. */
export interface Api {
  requests: Requests;
  replies: Replies;
  pushes: Pushes;
}
