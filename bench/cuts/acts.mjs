// SPDX-License-Identifier: MIT
// What users do: one of these after the other, at random times.

const KEYS = 5;

function padding(random) {
  return random.chance(0.1) ? 'x'.repeat(random.below(random.chance(0.1) ? 20000 : 1000))
    : undefined;
}

function wait(random, share, most) {
  return random.chance(share) ? random.between(0.001, most) : undefined;
}

function say(user, kind) {
  const { random } = user;
  const rooms = [...user.rooms.values()].filter((room) => room.kind === kind);
  if (!rooms.length) return;
  user.request('say', {
    room: rooms[random.below(rooms.length)].name,
    key: kind === 'latest' ? `k${random.below(KEYS)}` : undefined,
    once: kind === 'hist' && random.chance(0.5) ? true : undefined,
    pad: padding(random),
  });
}

const acts = {
  count(user) {
    user.request('count', { wait: wait(user.random, 0.15, 0.5) });
  },
  push(user) {
    user.request('push', { many: 1 + user.random.below(5),
      wait: wait(user.random, 0.1, 0.2), pad: padding(user.random) });
  },
  later(user) {
    user.request('later', { wait: user.random.between(0.01, 0.5) });
  },
  tell(user) {
    const { users } = user.world;
    user.request('tell', { to: users[user.random.below(users.length)].name,
      pad: padding(user.random) });
  },
  plain: (user) => say(user, 'plain'),
  hist: (user) => say(user, 'hist'),
  tight: (user) => say(user, 'tight'),
  latest: (user) => say(user, 'latest'),
  resync: (user) => say(user, 'resync'),
  burst(user) {
    for (let i = user.random.below(12); i >= 0; i--)
      acts[user.random.pick({ count: 1, push: 1, plain: 1, hist: 1, latest: 1 })](user);
  },

  move(user) {
    const rooms = [...user.rooms.values()];
    const room = rooms[user.random.below(rooms.length)];
    if (!room || room.joining || room.isLeaving) return;
    if (room.isMember) user.leaveRoom(room);
    else user.join(room);
  },
  forget(user) {
    const room = [...user.rooms.keys()].find((name) => name.startsWith('tight:'));
    if (room) user.request('forget', { room });
  },

  ack: (user) => user.isReady && user.acknowledge(),
  refresh(user) {
    if (!user.isReady || user.isRefreshing) return;
    user.isRefreshing = true;
    user.refreshes++;
    user.wire.send(JSON.stringify({ type: 'auth', data: { token: user.token } }));
  },
  drop: (user) => user.leave('drop'),
  abandon: (user) => user.leave('abandon'),
  away: (user) => user.leave(1001),
  empty: (user) => user.leave(null),
  finish(user) {
    if (!user.isReady) return;
    user.leave(1000);
    if (user.random.chance(0.5)) user.lose();
  },
  // Reads nothing for a while.
  deaf(user) {
    const { wire } = user;
    if (!wire) return;
    wire.socket.pause();
    setTimeout(() => wire.socket.resume(), user.random.between(100, 3000));
  },
  // More than is kept for a session.
  flood(user) {
    user.request('push', { many: 40, pad: 'x'.repeat(8000) });
  },
};

const WEIGHTS = { count: 20, push: 8, later: 4, tell: 10, plain: 12, hist: 12,
  tight: 4, latest: 8, resync: 4, burst: 2, move: 2, ack: 4, refresh: 1,
  drop: 1, abandon: 2, away: 0.5, empty: 0.5 };

// What makes sessions end: with it, resumes are refused.
const HARSH = { finish: 0.5, deaf: 0.7, flood: 0.2, forget: 0.1 };

// The client library closes and acknowledges by itself.
const LIBRARY = { ...WEIGHTS, ack: 0, refresh: 0, drop: 0, abandon: 0, away: 0,
  empty: 0 };

const MOST_WAITING = 40;

// Acts until the world is calm.
export function live(user) {
  const { world, random } = user;
  const weights = user.isLibrary ? LIBRARY
    : world.isHarsh ? { ...WEIGHTS, ...HARSH } : WEIGHTS;
  const next = () => {
    if (world.isCalm) return;
    setTimeout(next, random.exponential(world.every));
    if (user.session && user.session.waiting.length < MOST_WAITING)
      acts[random.pick(weights)](user);
  };
  setTimeout(next, random.exponential(world.every));
}
