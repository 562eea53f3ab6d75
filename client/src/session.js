// SPDX-License-Identifier: MIT
// What makes a blink of the network invisible: both sides count.
//
// A session outlives its connections. Each side counts what it has got, and
// after a loss they tell each other how far they came; what came later is sent
// again. So the client keeps what it has sent until the server is known to have
// it. What is about the connection itself is neither counted nor kept. A server
// that has no sessions grants none, and then nothing here is in use.

const NOT_COUNTED = ['auth_ok', 'auth_error', 'ping', 'pong', 'goodbye'];

/** True for the text of a message that counts; encode() begins like this. */
export const isKept = (text) => !/^{"type":"(auth|ping|pong)"/.test(text);

export class Session {
  #clock;
  #isWanted;
  #id = null; // '' if it is given up
  #received = 0; // messages of the server
  #acked = 0; // messages of ours that the server has
  #kept = []; // { text, length, isOwn }, those after them, oldest first
  #next = 0; // the index of the first that this connection has not sent
  #bytes = 0; // kept
  #isAsked = false; // the server, what it has
  #keepMs = 0;
  #until = Infinity; // when the server will have given it up

  constructor(clock, isWanted) {
    this.#clock = clock;
    this.#isWanted = isWanted;
  }

  /** There is one, which a later connection may take up again. */
  get isOn() {
    return this.#id !== null;
  }

  /** The same, and the server has probably not forgotten it yet. */
  get isAlive() {
    return this.isOn && this.#clock.now() < this.#until;
  }

  /** What an `auth` says about it. */
  get hello() {
    if (!this.#isWanted) return undefined;
    return this.#id ? { id: this.#id, received: this.#received } : {};
  }

  /** The data of a `pong`. */
  get ack() {
    return this.isOn ? { received: this.#received } : undefined;
  }

  /** Bytes that the server is not known to have. */
  get bytes() {
    return this.#bytes;
  }

  /** What has to leave again before anything new does: { text, length }. */
  get next() {
    return this.#kept[this.#next];
  }

  /** The same, which is sent now. */
  take() {
    return this.#kept[this.#next++];
  }

  /**
   * Takes over what `auth_ok` says: `resumed`, `lost`, or `new` if there was
   * none before.
   */
  begin(answer) {
    const { isOn } = this;
    this.#until = Infinity;
    this.#isAsked = false;
    if (isOn && answer?.resumed) {
      this.#forget(answer.received);
      this.#next = 0;
      return 'resumed';
    }
    this.end();
    this.#id = answer?.id ?? null;
    this.#keepMs = answer?.keep_ms;
    return isOn ? 'lost' : 'new';
  }

  /** The connection is gone. */
  suspend() {
    this.#until = Math.min(this.#until, this.#clock.now() + this.#keepMs);
  }

  /** It is over: nothing will be taken up again. */
  end() {
    this.#id = null;
    this.#received = this.#acked = this.#next = this.#bytes = 0;
    this.#kept = [];
  }

  /** The next connection is not to take it up: the server will say `lost`. */
  giveUp() {
    this.#id &&= '';
  }

  /** Counts a message of the server, or takes its word for what it has. */
  heard({ type, data }) {
    if (!NOT_COUNTED.includes(type)) this.#received++;
    else if (this.isOn) this.#forget(data?.received);
  }

  /** True, once, if it keeps so much that the server should be asked. */
  shouldAsk(limit) {
    if (this.#isAsked || this.#bytes <= limit) return false;
    this.#isAsked = true;
    return true;
  }

  /** Keeps a message that is sent now; there must be no `next`. */
  keep(message) {
    if (!this.isOn || !isKept(message.text)) return;
    this.#kept.push(message);
    this.#bytes += message.length;
    this.#next++;
  }

  /**
   * The server has answered the message with that id: so what left before it
   * has arrived, and that is all there is to know about a `send`.
   */
  answered(id) {
    const kept = this.#kept;
    let i = kept.length - 1; // it is one of the last, as a rule
    while (i >= 0 && kept[i].id !== id) i--;
    if (i >= 0) kept[i].isAnswered = true;
    while (--i >= 0 && !kept[i].isAnswered) kept[i].isAnswered = !kept[i].id;
  }

  /** What the application has sent and does not know the fate of. */
  get unsure() {
    return this.#kept.filter(({ isOwn, isAnswered }) => !isOwn && !isAnswered)
      .map(({ text }) => JSON.parse(text));
  }

  #forget(received) {
    this.#isAsked = false;
    const count = Math.min(received - this.#acked, this.#next);
    if (!(count > 0)) return;
    for (const { length } of this.#kept.splice(0, count)) {
      this.#bytes -= length;
    }
    this.#acked += count;
    this.#next -= count;
  }
}
