// SPDX-License-Identifier: MIT
// The network between one machine and its Redis: a proxy before each Redis and
// each Sentinel. A Sentinel, and a node of a cluster, name the ports of servers;
// the machine is told those of its own proxies instead.
import net from 'node:net';

class Gate {
  constructor(network, upstream, rename) {
    Object.assign(this, { network, upstream, rename, state: 'open' });
    this.server = net.createServer({ pauseOnConnect: true }, (near) =>
      this.network.accept(this, near));
  }

  async listen() {
    await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
    this.port = this.server.address().port;
  }
}

// Two sockets. `near` is the machine's, `far` that to Redis.
class Pipe {
  constructor(gate, near) {
    Object.assign(this, { gate, near, lost: { up: false, down: false }, rest: '' });
    this.far = net.connect({ port: gate.upstream, host: '127.0.0.1' });
    for (const [from, to, way] of [[near, this.far, 'up'], [this.far, near, 'down']]) {
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('close', () => !this.isHalf && this.reset());
      from.on('end', () => !this.isHalf && to.end());
      from.on('data', (bytes) => this.#pass(from, to, way, bytes));
    }
    near.resume();
  }

  #pass(from, to, way, bytes) {
    if (this.lost[way] || to.destroyed) return;
    if (way === 'down' && this.gate.rename) bytes = this.#rename(bytes);
    if (to.write(bytes)) return;
    from.pause();
    to.once('drain', () => this.isStalled || from.resume());
  }

  // No answer ends like the half of an address: that waits for the rest.
  #rename(bytes) {
    const text = this.rest + bytes.toString('latin1');
    [this.rest] = text.match(/[\d.:]*$/);
    return Buffer.from(this.gate.rename(text.slice(0, text.length - this.rest.length)),
      'latin1');
  }

  stall(isStalled) {
    this.isStalled = isStalled;
    for (const socket of [this.near, this.far])
      socket[isStalled ? 'pause' : 'resume']();
  }

  // Redis sees the end of it, the machine nothing; or the other way round.
  half(side) {
    this.isHalf = true;
    this.lost.up = this.lost.down = true;
    this[side].resetAndDestroy();
  }

  reset() {
    this.gate.network.pipes.delete(this);
    for (const socket of [this.near, this.far])
      if (!socket.destroyed) socket.resetAndDestroy();
  }
}

export class Network {
  // Proxies before these Redis.
  constructor({ kind, servers, sentinels }) {
    this.pipes = new Set();
    this.gates = new Map();
    this.state = 'open';
    const rename = (before, after) => (text) => {
      for (const server of servers)
        text = text.replaceAll(before + server.port + after,
          before + this.gates.get(server).port + after);
      return text;
    };
    // CLUSTER NODES is a text with its length before it: all ports have five
    // digits. MOVED is a line.
    const byNode = (text) => text.includes('127.0.0.1:')
      ? rename('127.0.0.1:', '\r\n')(rename('127.0.0.1:', '@')(text)) : text;
    for (const server of servers)
      this.gates.set(server, new Gate(this, server.port, kind === 'cluster' && byNode));
    for (const sentinel of sentinels)
      this.gates.set(sentinel, new Gate(this, sentinel.port, rename('\r\n', '\r\n')));
  }

  async listen() {
    for (const gate of this.gates.values()) await gate.listen();
  }

  port(server) {
    return this.gates.get(server).port;
  }

  accept(gate, near) {
    if (gate.state === 'cut') return near.resetAndDestroy();
    const pipe = new Pipe(gate, near);
    this.pipes.add(pipe);
    if (gate.state === 'stalled') pipe.stall(true);
    if (gate.state === 'up' || gate.state === 'down') pipe.lost[gate.state] = true;
  }

  // Those that are there are reset; all of them, or each with this chance.
  reset(random, chance = 1) {
    for (const pipe of [...this.pipes]) if (random.chance(chance)) pipe.reset();
  }

  half(random, side) {
    for (const pipe of [...this.pipes]) if (random.chance(0.7)) pipe.half(side);
  }

  // Until `open` is called: 'cut' refuses all, 'stalled' passes nothing for now,
  // 'up' and 'down' lose what goes this way without a word. It is so with all
  // Redis, or, of several, with some.
  close(state, random) {
    const chance = this.gates.size > 1 && random.chance(0.5) ? 0.5 : 1;
    this.state = state;
    for (const gate of this.gates.values()) if (random.chance(chance)) gate.state = state;
    for (const pipe of [...this.pipes]) {
      if (pipe.gate.state !== state) continue;
      if (state === 'cut') pipe.reset();
      else if (state === 'stalled') pipe.stall(true);
      else pipe.lost[state] = true;
    }
  }

  // What has lost something is reset: a stream has no gaps.
  open() {
    this.state = 'open';
    for (const gate of this.gates.values()) gate.state = 'open';
    for (const pipe of [...this.pipes]) {
      if (pipe.isHalf || pipe.lost.up || pipe.lost.down) pipe.reset();
      else if (pipe.isStalled) pipe.stall(false);
    }
  }

  end() {
    for (const pipe of [...this.pipes]) pipe.reset();
    for (const { server } of this.gates.values()) server.close();
  }
}
