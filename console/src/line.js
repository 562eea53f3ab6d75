// SPDX-License-Identifier: MIT
// One connection of the playground, in the plain protocol: what is sent and
// what comes is told as it is.

export class Line {
  #socket;
  #next = 1;
  #waiting = new Map(); // id of a request: its entry

  /** `tell` gets the connection's state ('connecting', 'ready', or why it
   * ended: { code, reason }); `log` each entry, and again when it has changed. */
  constructor(url, user, token, { tell, log }) {
    this.user = user;
    this.log = log;
    this.#socket = new WebSocket(url);
    this.#socket.onopen = () => this.#write({ type: 'auth', data: { token } });
    this.#socket.onmessage = ({ data }) => this.#take(JSON.parse(data), tell);
    this.#socket.onclose = ({ code, reason }) => tell({ code, reason });
    tell('connecting');
  }

  #write(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #take(message, tell) {
    const { type, id, data } = message;
    if (type === 'ping') {
      this.#write({ type: 'pong' });
    } else if (type === 'auth_ok') {
      tell('ready');
    } else if (id !== undefined && this.#waiting.has(id)) {
      const entry = this.#waiting.get(id);
      this.#waiting.delete(id);
      entry.ms = performance.now() - entry.began;
      entry[type === 'error' ? 'error' : 'reply'] = data ?? null;
      this.log(entry);
    } else if (type !== 'pong') {
      this.log({ user: this.user, at: Date.now(), push: message });
    }
  }

  /** Sends a request. */
  request(type, data) {
    const id = this.#next++;
    const entry = { user: this.user, at: Date.now(), began: performance.now(),
      sent: data === undefined ? { type } : { type, data } };
    this.#waiting.set(id, entry);
    this.#write({ ...entry.sent, id });
    this.log(entry);
  }

  close() {
    this.#socket.close();
  }
}
