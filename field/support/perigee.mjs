// SPDX-License-Identifier: MIT
// A perigee of our own: started on a free port, its log kept, stopped again.
import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
const program = process.env.PERIGEE_BIN ?? `${root}build/perigee`;
const secret = randomBytes(32).toString('hex');

const children = new Set(); // none outlives us, however we end
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

const base64 = (value) => Buffer.from(JSON.stringify(value))
  .toString('base64url');

/** A token for a user, good for an hour. */
export function token(user) {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const text = `${base64({ alg: 'HS256', typ: 'JWT' })}.${
    base64({ sub: user, exp })}`;
  const signature = createHmac('sha256', secret).update(text);
  return `${text}.${signature.digest('base64url')}`;
}

/** A log line as an object; what a script logged as JSON is merged in. */
function parse(line) {
  try {
    const fields = JSON.parse(line);
    const told = /: (\{.*\})$/.exec(fields.msg ?? '')?.[1];
    return told ? { ...fields, ...JSON.parse(told) } : fields;
  } catch {
    return { msg: line };
  }
}

/**
 * Starts `perigee serve` with these scripts and options (an object: name to
 * value). `lines` of what is returned are the objects of its JSON log.
 */
export async function startPerigee(scripts, options = {}) {
  const flags = Object.entries({
    listen: '127.0.0.1:0',
    'admin.listen': '',
    'log.format': 'json',
    'shutdown.drain_s': 0,
    ...options,
  }).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(program, ['serve', `--scripts=${scripts}`, ...flags], {
    env: { ...process.env, PERIGEE_AUTH_SECRET: secret },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  const server = { child, lines: [], port: 0, stop };
  let waiting = [];
  let said = '';
  const onText = (text) => {
    said += text;
    const parts = said.split('\n');
    said = parts.pop();
    for (const line of parts) {
      server.lines.push(parse(line));
    }
    waiting = waiting.filter((ask) => !ask());
  };
  child.stdout.setEncoding('utf8').on('data', onText);
  child.stderr.setEncoding('utf8').on('data', onText);
  const ended = new Promise((done) => { child.once('exit', done); });

  /** The first log line after `from` that `fits`; null when time is up. */
  server.find = (fits, ms, from = 0) => new Promise((done) => {
    const timer = setTimeout(() => {
      waiting = waiting.filter((ask) => ask !== look);
      done(null);
    }, ms);
    const look = () => {
      const line = server.lines.slice(from).find(fits);
      if (line) {
        clearTimeout(timer);
        done(line);
      }
      return line;
    };
    if (!look()) waiting.push(look);
  });

  async function stop(signal = 'SIGTERM') {
    if (child.exitCode === null) child.kill(signal);
    await ended;
  }

  const ready = await server.find((line) => / ready on /.test(line.msg), 10000);
  if (!ready) {
    await stop('SIGKILL');
    throw new Error(`perigee did not start:\n${
      server.lines.map((line) => line.msg).join('\n')}`);
  }
  server.port = Number(/ready on \w+:\/\/[^ ]*:(\d+)/.exec(ready.msg)[1]);
  return server;
}
