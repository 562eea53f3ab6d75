// SPDX-License-Identifier: MIT
// Who is in a room, as the server tells it: a list first, then changes.

/** A room of which nothing is known. */
export const NOBODY = Object.freeze({ users: Object.freeze([]), count: 0 });

// The server names only so many of those who are there: `more` others are.
const snapshot = (users, more) => Object.freeze({
  users: Object.freeze(users.map(Object.freeze)), count: users.length + more });

const byUser = ({ users }) => new Map(users.map((one) => [one.user, one]));

/** What an answer to a join says: a list, perhaps with `more`, or a count. */
export function fromAnswer({ presence, more = 0 }) {
  return Array.isArray(presence) ? snapshot(presence, more)
    : snapshot([], presence.count);
}

/** `here`, after the change that a push tells: who came, went, or a count. */
export function changed(here, { joined = [], left = [], changed: others = [],
  count }) {
  if (count >= 0) return snapshot([], count);
  const now = byUser(here);
  let more = here.count - now.size;
  const unnamed = ({ user }) => !now.has(user);
  more -= others.filter(unnamed).length;
  for (const one of [...joined, ...others]) {
    now.set(one.user, { ...now.get(one.user), ...one });
  }
  for (const user of left) if (!now.delete(user)) more--;
  return snapshot([...now.values()], Math.max(0, more));
}

/** The change that leads from one snapshot to another, if there is one. */
export function difference(from, to) {
  if (from === to) return undefined;
  const [old, now] = [byUser(from), byUser(to)];
  const isNews = (one, before) => before && one !== before &&
    JSON.stringify(one) !== JSON.stringify(before);
  const change = {
    joined: to.users.filter(({ user }) => !old.has(user)),
    left: [...old.keys()].filter((user) => !now.has(user)),
    changed: to.users.filter((one) => isNews(one, old.get(one.user))),
    count: to.count,
  };
  const { length } = [...change.joined, ...change.left, ...change.changed];
  return length || from.count !== to.count ? change : undefined;
}
