// SPDX-License-Identifier: MIT
// A network between the clients and the server that fails at random: inside of
// frames and of TLS records, for both sides at once or for one of them first.
import net from 'node:net';

// What the failing connection does, and how often.
const WAYS = {
  end: 3, // both sides see the end of the stream
  reset: 3, // both sides see a reset
  'server-late': 3, // the server sees nothing for a while: half-open
  'client-late': 2, // the client sees nothing for a while
  'mute-up': 1, // what the client sends is lost, then both see a reset
  'mute-down': 1, // what the server sends is lost, then both see a reset
};

export class Proxy {
  // `mean`: milliseconds from connect to failure; `stats` counts the ways.
  constructor({ port, random, mean, stats }) {
    Object.assign(this, { upstream: port, random, mean, stats });
    this.isCalm = false;
    this.links = new Set();
    this.server = net.createServer({ pauseOnConnect: true }, (near) =>
      this.links.add(new Link(this, near)));
  }

  async listen() {
    await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
    this.port = this.server.address().port;
  }

  // From now on nothing fails any more; what has begun to fail ends at once.
  calm() {
    this.isCalm = true;
    for (const link of this.links) link.calm();
  }

  rage() {
    this.isCalm = false;
    for (const link of this.links) link.plan();
  }

  close() {
    this.server.close();
    for (const link of this.links) link.kill();
  }
}

class Link {
  constructor(proxy, near) {
    Object.assign(this, { proxy, near, timers: new Set(), left: Infinity });
    this.far = net.connect({ port: proxy.upstream, host: '127.0.0.1' });
    this.muted = { up: false, down: false };
    this.isFailing = false;
    for (const socket of [near, this.far]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => this.#half());
    }
    near.on('end', () => this.far.end());
    this.far.on('end', () => near.end());
    near.on('data', (bytes) => this.#pass('up', bytes, near, this.far));
    this.far.on('data', (bytes) => this.#pass('down', bytes, this.far, near));
    near.resume();
    if (!proxy.isCalm) this.plan();
  }

  // Chooses when to fail: after a time, or a number of bytes, which may be in
  // the middle of anything.
  plan() {
    const { random, mean } = this.proxy;
    if (random.chance(0.25)) this.left = random.below(random.chance(0.5)
      ? 1500 : 15000);
    this.#after(random.exponential(mean), () => this.fail());
    if (random.chance(0.3))
      this.#after(random.between(0, mean), () => this.#stall());
  }

  #after(ms, what) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      what();
    }, ms);
    this.timers.add(timer);
  }

  #pass(way, bytes, from, to) {
    if (this.muted[way]) return;
    if (bytes.length > this.left) {
      to.write(bytes.subarray(0, this.left));
      this.fail();
      this.muted[way] = true; // the rest is lost, and what would follow it
      return;
    }
    this.left -= bytes.length;
    if (!to.write(bytes)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  }

  #stall() {
    if (this.isFailing) return;
    const socket = this.proxy.random.chance(0.5) ? this.near : this.far;
    this.proxy.stats.stalls++;
    socket.pause();
    this.#after(this.proxy.random.between(10, 600), () => socket.resume());
  }

  fail() {
    if (this.isFailing || this.isOver) return;
    this.isFailing = true;
    const { random, stats } = this.proxy;
    const way = random.pick(WAYS);
    const later = random.chance(0.2) ? random.between(0, 4000)
      : random.between(0, 400);
    stats.cuts++;
    stats.ways[way] = (stats.ways[way] || 0) + 1;
    this.left = Infinity;
    if (way === 'end') {
      this.near.end();
      this.far.end();
      this.#after(50, () => this.kill());
    } else if (way === 'reset') {
      this.kill();
    } else {
      // The late one has a silent connection until then: what it sends is read
      // and lost, or is not even read.
      this.muted.up = way !== 'mute-down';
      this.muted.down = way !== 'mute-up';
      if (random.chance(0.5)) this.far.pause();
      if (way === 'server-late') this.near.resetAndDestroy();
      if (way === 'client-late') this.far.resetAndDestroy();
      this.#after(later, () => this.kill());
    }
  }

  // One side has gone. What is on the way to the other one, as a close frame,
  // still arrives; a late side lives on until its time is over.
  #half() {
    if (this.near.destroyed && this.far.destroyed) this.kill();
    else if (!this.isFailing) this.#after(200, () => this.kill());
  }

  calm() {
    if (this.isFailing || this.near.destroyed || this.far.destroyed)
      return this.kill();
    this.left = Infinity;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.near.resume();
    this.far.resume();
  }

  kill() {
    this.isOver = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.proxy.links.delete(this);
    for (const socket of [this.near, this.far])
      if (!socket.destroyed) socket.resetAndDestroy();
  }
}
