// SPDX-License-Identifier: MIT
// One WebSocket, from opening to closing.

/**
 * Opens a socket; throws if the class refuses the address. `heard` has
 * `open()`, `message(text)` and `close(code, reason)`; each may come until
 * `close` is called or has come, never after: a half-open socket can take
 * minutes to admit that it is closed, and by then the client has moved on.
 */
export class Transport {
  #socket;

  constructor(WebSocket, url, heard) {
    const socket = (this.#socket = new WebSocket(url));
    socket.onopen = () => heard.open();
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') heard.message(data);
    };
    socket.onclose = ({ code, reason }) => {
      this.#silence();
      heard.close(code, reason);
    };
    socket.onerror = () => {}; // the close that follows says all there is
  }

  /** Bytes accepted by `send` and not yet by the network. */
  get buffered() {
    return this.#socket.bufferedAmount;
  }

  /** False before `open()`, and from the other side's close frame on. */
  get isOpen() {
    return this.#socket.readyState === 1;
  }

  /** What cannot be sent any more is dropped. */
  send(text) {
    if (this.isOpen) this.#socket.send(text);
  }

  close(reason) {
    this.#silence();
    this.#socket.close(1000, reason);
  }

  #silence() {
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
  }
}
