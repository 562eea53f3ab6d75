// SPDX-License-Identifier: MIT
// One WebSocket, from opening to closing.

/**
 * Opens a socket; throws if the class refuses the address. `heard` has
 * `open()`, `message(text)` and `close(code, reason, cause)`; each may come
 * until `close` is called or has come, never after: a half-open socket can take
 * minutes to admit that it is closed, and by then the client has moved on.
 */
export class Transport {
  #socket;

  constructor(WebSocket, url, heard) {
    const socket = (this.#socket = new WebSocket(url));
    let isOpened = false;
    const end = (code, reason, cause) => {
      this.#silence();
      heard.close(code, reason, cause);
    };
    socket.onopen = () => {
      isOpened = true;
      heard.open();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') heard.message(data);
    };
    socket.onclose = ({ code, reason }) => end(code, reason);
    // A close should follow, and does not on Node 22 if the handshake failed.
    // After it, the close says more: its code.
    socket.onerror = ({ error }) => isOpened || end(1006, '', error);
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

  /** Without a `code` the close frame is empty. */
  close(code, reason) {
    this.#silence();
    if (code) this.#socket.close(code, reason);
    else this.#socket.close();
  }

  // An error still has a listener: `ws` would throw it otherwise.
  #silence() {
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {};
  }
}
