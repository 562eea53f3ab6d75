// Made by `perigee types` from what the scripts declare: do not edit.

/** What clients may send, by message type. */
export interface Requests {
  /** Says something to everybody. */
  'hello.say': {
    /** at most 2000 characters */
    text: string;
  };
}

/** What they are answered. Nothing is known of `unknown`. */
export interface Replies {
  'hello.say': {
    reached: number;
  };
}

/** What the server sends by itself. */
export interface Pushes {
  'hello.said': {
    from: string;
    text: string;
  };
}

/** For the client: `new SocketClient<Api>('/ws')`. */
export interface Api {
  requests: Requests;
  replies: Replies;
  pushes: Pushes;
}

/** Plain HTTP, by method and path. */
export interface Http {
  /** How many are here. */
  'GET /hello': {
    answer: {
      here: number;
    };
  };
}
