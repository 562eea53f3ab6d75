// SPDX-License-Identifier: MIT
// A TCP proxy whose connections can be cut, stalled, and refused.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Proxy {
  isOpen = true; // takes connections
  #pairs = new Set();

  static async start(t, port) {
    const proxy = new Proxy();
    proxy.server = createServer((near) => proxy.#accept(near, port));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    proxy.url = `http://127.0.0.1:${proxy.server.address().port}`;
    t.after(() => {
      proxy.cut();
      proxy.server.close();
    });
    return proxy;
  }

  #accept(near, port) {
    if (!this.isOpen) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    const pair = { near, far };
    this.#pairs.add(pair);
    near.pipe(far);
    far.pipe(near);
    for (const [one, other] of [[near, far], [far, near]]) {
      one.on('error', () => {});
      one.on('close', () => {
        this.#pairs.delete(pair);
        other.destroy();
      });
    }
  }

  /** Ends every connection; with `resetAndDestroy` the hard way. */
  cut(how = 'destroy') {
    for (const { near, far } of [...this.#pairs]) {
      near[how]();
      far[how]();
    }
  }

  /** What either side sends from now on gets lost, and neither notices. */
  stall() {
    for (const { near, far } of this.#pairs) {
      near.unpipe(far);
      far.unpipe(near);
      near.resume();
      far.resume();
    }
  }
}
