// SPDX-License-Identifier: MIT
// What makes a blink of the network invisible: both sides count.
//
// A session outlives its connections. Each side counts what it has got, and
// after a loss they tell each other how far they came; what came later is sent
// again. So the client keeps what it sends until the server is known to have
// it. What is about the connection itself is neither counted nor kept. A server
// that has no sessions grants none, and then nothing here is in use.

const NOT_COUNTED = ['auth_ok', 'auth_error', 'ping', 'pong', 'goodbye'];

/** True for the text of a message that counts; encode() begins like this. */
export const isKept = (text) => !/^{"type":"(auth|ping|pong)"/.test(text);

export class Session {
  #clock;
  #isWanted;
  #id = null;
  #received = 0; // messages of the server
  #acked = 0; // messages of ours that the server has
  #kept = []; // { text, length }, those after them, oldest first
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
    return this.isOn ? { id: this.#id, received: this.#received } : {};
  }

  /** The data of a `pong`. */
  get ack() {
    return this.isOn ? { received: this.#received } : undefined;
  }

  /** Bytes that the server is not known to have. */
  get bytes() {
    return this.#bytes;
  }

  /** What has to leave before anything new does: { text, length }. */
  get next() {
    return this.#kept[this.#next];
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

  /** Keeps a message that is about to leave, as `next`; false: it need not. */
  keep(text, length) {
    if (!this.isOn || !isKept(text)) return false;
    this.#kept.push({ text, length });
    this.#bytes += length;
    return true;
  }

  /** `next` has been sent. */
  sent() {
    this.#next++;
  }

  /** The texts of what was sent, and may or may not have arrived. */
  get unsure() {
    return this.#kept.slice(0, this.#next).map(({ text }) => text);
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
