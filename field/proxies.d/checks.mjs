// SPDX-License-Identifier: MIT
// What must hold behind every proxy. A check gets the site, and throws; what
// it returns is shown in the table.
import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { token } from '../support/perigee.mjs';

const OWN = '127.0.0.2'; // where clients come from; proxies are 127.0.0.1

/** A WebSocket with a queue: `next(type)`, `ask(type, data)`, `closed`. */
class Client {
  #queue = [];
  #wake = () => {};

  static async open(site, { headers = {}, auth = true, ...options } = {}) {
    const WebSocket = createRequire(`${site.npm}/`)('ws');
    const client = new Client();
    client.socket = new WebSocket(`${site.isPlain ? 'ws' : 'wss'}://127.0.0.1:${
      site.port}/ws`, {
      rejectUnauthorized: false, servername: site.host, localAddress: OWN,
      perMessageDeflate: false, ...options,
      headers: { Host: site.authority, ...headers },
    });
    client.closed = new Promise((done) => {
      client.socket.on('close', (code, reason) => {
        done(`${code} ${reason}`.trim());
        client.isOver = true;
        client.#wake();
      });
    });
    client.socket.on('message', (text) => {
      const message = JSON.parse(text);
      if (message.type === 'ping') {
        client.send({ type: 'pong' });
      } else {
        client.#queue.push(message);
        client.#wake();
      }
    });
    await new Promise((done, fail) => {
      client.socket.once('open', done).on('error', fail);
      client.socket.once('unexpected-response', (_, response) => {
        fail(new Error(`HTTP ${response.statusCode}`));
      });
    });
    if (auth) {
      client.send({ type: 'auth', data: { token: token('alice') } });
      await client.next('auth_ok');
    }
    return client;
  }

  send(message) { this.socket.send(JSON.stringify(message)); }

  async next(type, ms = 20000) {
    const end = Date.now() + ms;
    for (;;) {
      const at = this.#queue.findIndex((message) => message.type === type);
      if (at >= 0) return this.#queue.splice(at, 1)[0].data;
      if (this.isOver) throw new Error(`no ${type}: ${await this.closed}`);
      if (Date.now() > end) throw new Error(`no ${type} in ${ms} ms`);
      await new Promise((done) => {
        this.#wake = done;
        setTimeout(done, end - Date.now() + 1);
      });
    }
  }

  async ask(type, data) {
    this.send({ type, id: 1, data });
    return this.next('reply');
  }

  /** Closes and waits for the answer. */
  async close() {
    this.socket.close(1000);
    return this.closed;
  }
}

export const open = (site, options) => Client.open(site, options);

const get = (site, path) => new Promise((done, fail) => {
  (site.isPlain ? http : https).get({
    host: '127.0.0.1', port: site.port, path, servername: site.host,
    headers: { Host: site.authority }, rejectUnauthorized: false, agent: false,
  }, (response) => {
    response.resume().on('end', () => done(response.statusCode));
  }).on('error', fail);
});

async function refusal(site, headers) {
  const client = await open(site, { headers, auth: false })
    .catch((error) => error);
  if (client instanceof Error) return client.message;
  await client.close();
  return 'let in';
}

const whoami = async (site, headers) => {
  const client = await open(site, { headers });
  const answer = await client.ask('whoami');
  assert.equal(await client.close(), '1000');
  return answer;
};

/** In the order of the columns. */
export const checks = {
  async HTTP(site) {
    assert.equal(await get(site, '/healthz'), 200);
    assert.equal(await get(site, '/perigee.js'), 200);
  },
  async host(site) {
    assert.equal((await whoami(site)).host, site.authority);
  },
  async address(site) {
    const { ip } = await whoami(site);
    assert.equal(ip, OWN);
  },
  async 'forged address'(site) {
    const headers = {
      'X-Forwarded-For': '192.0.2.7', 'X-Real-IP': '192.0.2.7',
      Forwarded: 'for=192.0.2.7',
    };
    const { ip } = await whoami(site, headers);
    assert.notEqual(ip, '192.0.2.7');
  },
  async origin(site) {
    const scheme = site.isPlain ? 'http' : 'https';
    const own = await refusal(site, { Origin: `${scheme}://${site.authority}` });
    assert.equal(own, 'let in');
    const foreign = await refusal(site, { Origin: 'https://other.example' });
    assert.equal(foreign, 'HTTP 403');
  },
  async 'Bearer token'(site) {
    const headers = { Authorization: `Bearer ${token('alice')}` };
    const client = await open(site, { headers, auth: false });
    assert.equal((await client.next('auth_ok')).user, 'alice');
    await client.close();
  },
  async compression(site) {
    const client = await open(site, { perMessageDeflate: true });
    assert.match(client.socket.extensions, /permessage-deflate/);
    const text = 'field '.repeat(5000);
    assert.equal((await client.ask('echo', { text })).text, text);
    await client.close();
  },
  async 'close code'(site) {
    const client = await open(site);
    client.send({ type: 'leave_me' });
    assert.equal(await client.closed, '4321 because of the field');
  },
  async 'slow, 4002'(site) {
    const client = await open(site);
    client.send({ type: 'flood' });
    await client.next('flood');
    client.socket.pause();
    await site.perigee.find((line) => /slow_consumer/.test(JSON.stringify(line)),
      20000);
    client.socket.resume();
    assert.equal(await client.closed, '4002 slow_consumer');
  },
  async '800 at once'(site) {
    const clients = [];
    for (let i = 0; i < 16; i++) {
      clients.push(...await Promise.all(
        Array.from({ length: 50 }, () => open(site))));
    }
    const answers = await Promise.all(clients.map((client, i) =>
      client.ask('echo', i)));
    assert.deepEqual(answers, clients.map((_, i) => i));
    await Promise.all(clients.map((client) => client.close()));
  },
};

/** How many come in, one after the other, until one does not in 5 s. */
export async function capacity(site, most = 1500) {
  for (let count = 0; count < most; count++) {
    let timer;
    const late = new Promise((done) => { timer = setTimeout(done, 5000, 'late'); });
    const client = await Promise.race([open(site).catch(() => 'refused'), late]);
    clearTimeout(timer);
    if (typeof client === 'string') return count;
  }
  return `${most} or more`;
}

/** After so long with nothing but pings and pongs it still answers. */
export async function stillThere(client) {
  assert.equal(await client.ask('echo', 7), 7);
}

/** The server ends: goodbye, and 1001. */
export async function farewell(client) {
  await client.next('goodbye');
  assert.equal(await client.closed, '1001 shutdown');
}
