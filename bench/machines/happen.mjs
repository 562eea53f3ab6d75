// SPDX-License-Identifier: MIT
// What happens to machines, Redis, and the links between them. Each function
// returns when it has begun; what ends it later is in world.busy.
import { setTimeout as sleep } from 'node:timers/promises';

const one = (random, list) => list[random.below(list.length)];

const living = (world) => world.machines.filter(({ child, isBusy }) =>
  !child.isOver && !isBusy);

const wait = (world, random, from, to) =>
  sleep(random.between(from, to) * world.o.patience);

// Runs it beside the rest.
function later(world, what) {
  const running = what().catch((error) => world.ledger.fault('proof', error.stack))
    .finally(() => world.busy.delete(running));
  world.busy.add(running);
}

// A machine that dies takes hooks with it that were to run; a Redis that forgets,
// who is there. In such a round one may be missing.
function doubt(world) {
  world.isDoubtful = true;
}

async function killMachine(world, random) {
  const machine = one(random, living(world));
  if (!machine) return false;
  machine.isBusy = true;
  doubt(world);
  await machine.child.kill();
  later(world, async () => {
    await wait(world, random, 0, 2500);
    await machine.start({ isReady: false });
    machine.isBusy = false;
  });
  return machine.name;
}

async function stopMachine(world, random) {
  const machine = one(random, living(world));
  if (!machine) return false;
  machine.isBusy = world.isStopped = true;
  machine.child.signal('STOP');
  later(world, async () => {
    await wait(world, random, 50, 3000);
    machine.child.signal('CONT');
    machine.isBusy = false;
  });
  return machine.name;
}

// One thing at a time happens to Redis itself.
function withRedis(what) {
  return async (world, random) => {
    if (world.isRedisBusy) return false;
    world.isRedisBusy = true;
    const { redis } = world;
    if (redis.kind !== 'plain') doubt(world); // the newest may be lost
    const server = one(random, random.chance(0.8) ? await redis.masters() : redis.servers);
    later(world, async () => {
      await what(world, random, server);
      if (redis.kind !== 'plain')
        await server.until(() => redis.isWhole(), 60000 * world.o.patience);
      world.isRedisBusy = false;
    });
    return server.port;
  };
}

const killRedis = withRedis(async (world, random, server) => {
  await server.kill();
  await wait(world, random, 0, 2000);
  await server.start();
});

// It comes back, and knows nothing.
const forgetRedis = withRedis(async (world, random, server) => {
  doubt(world);
  await server.kill();
  server.forget();
  await wait(world, random, 0, 1000);
  await server.start();
});

const stopRedis = withRedis(async (world, random, server) => {
  server.signal('STOP');
  await wait(world, random, 50, 2500);
  server.signal('CONT');
});

const failover = withRedis(async (world, random) => {
  await world.redis.failover(random);
  await sleep(1000);
});

const moveSlots = withRedis((world, random) => world.redis.move(random));

// Long enough for another master to be chosen; then the old one comes back, and
// does not know.
const isolateRedis = withRedis(async (world, random) => {
  const master = one(random, await world.redis.masters());
  master.signal('STOP');
  await sleep(random.between(2000, 4000) * world.o.patience);
  master.signal('CONT');
});

function command(...words) {
  return async (world, random) => {
    const server = one(random, await world.redis.masters());
    // Else half of what a room has could go: the other half is on its way.
    if (words[0] === 'FLUSHALL' && world.isRedisBusy) return false;
    if (words[0] === 'FLUSHALL') doubt(world);
    const answer = await server.command(...words);
    return answer instanceof Error ? false : server.port;
  };
}

async function killOne(world, random) {
  const server = one(random, await world.redis.masters());
  const text = await server.command('CLIENT', 'LIST');
  if (text instanceof Error) return false;
  const ids = [...text.matchAll(/^id=(\d+) .* name=perigee/gm)].map(([, id]) => id);
  if (!ids.length) return false;
  await server.command('CLIENT', 'KILL', 'ID', one(random, ids));
  return server.port;
}

// The links of one machine.
function withNetwork(what) {
  return async (world, random) => {
    const machine = one(random, world.machines.filter(({ network }) =>
      network.state === 'open'));
    if (!machine) return false;
    what(world, random, machine.network);
    return machine.name;
  };
}

function closed(state) {
  return withNetwork((world, random, network) => {
    network.close(state, random);
    later(world, async () => {
      await wait(world, random, 50, 3000);
      network.open();
    });
  });
}

const reset = withNetwork((_, random, network) => network.reset(random, 0.6));

const half = (side) => withNetwork((_, random, network) => network.half(random, side));

export const FAULTS = {
  'kill-machine': { weight: 3, run: killMachine },
  'stop-machine': { weight: 3, run: stopMachine },
  'kill-redis': { weight: 2, run: killRedis },
  'stop-redis': { weight: 2, run: stopRedis },
  'forget-redis': { weight: 1, run: forgetRedis },
  'failover': { weight: 3, run: failover, on: ['sentinel', 'cluster'] },
  'isolate': { weight: 2, run: isolateRedis, on: ['sentinel', 'cluster'] },
  'move-slots': { weight: 4, run: moveSlots, on: ['cluster'] },
  'kill-clients': { weight: 1, run: command('CLIENT', 'KILL', 'TYPE', 'normal') },
  'kill-subscribers': { weight: 1, run: command('CLIENT', 'KILL', 'TYPE', 'pubsub') },
  'kill-client': { weight: 2, run: killOne },
  'flushall': { weight: 1, run: command('FLUSHALL') },
  'script-flush': { weight: 1, run: command('SCRIPT', 'FLUSH') },
  'reset': { weight: 2, run: reset },
  'cut': { weight: 2, run: closed('cut') },
  'stall': { weight: 2, run: closed('stalled') },
  'lose-up': { weight: 2, run: closed('up') },
  'lose-down': { weight: 2, run: closed('down') },
  'half-near': { weight: 2, run: half('near') },
  'half-far': { weight: 2, run: half('far') },
};

// One of these.
export async function happen(world, random) {
  const only = world.o.only && world.o.only.split(',');
  const weights = {};
  for (const [name, { weight, on }] of Object.entries(FAULTS))
    if ((!on || on.includes(world.redis.kind)) && (!only || only.includes(name)))
      weights[name] = weight;
  const name = random.pick(weights);
  const where = await FAULTS[name].run(world, random);
  if (!where) return;
  world.log(`${name} ${where}`);
  world.faults++;
  world.kinds[name] = (world.kinds[name] || 0) + 1;
}
