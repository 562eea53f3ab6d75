// SPDX-License-Identifier: MIT
// Fetches what a room has missed while it stayed joined.

const PAGE = 100; // messages

/**
 * Until `position` is not behind: asks with `fetch(after, limit)` and gives the
 * messages to `deliver`, in order. If there is no answer just now, it waits with
 * `pause(tries, ms)` and asks again. What is not there any more is told to
 * `lost(gap)`. Ends when `isMine` says so, or quietly with the connection: the
 * next join goes on from the position.
 */
export async function catchUp(position, owner) {
  const isDue = () => owner.isMine() && position.isBehind;
  for (let tries = 0; isDue(); tries++) {
    try {
      const page = await owner.fetch(position.now.seq, PAGE);
      if (isDue()) take(position, page, owner);
      tries = -1;
    } catch (error) {
      if (error.code === 'DISCONNECTED' || !isDue()) return;
      if (error.retry) await owner.pause(tries, error.retryAfterMs);
      else owner.lost(position.skip());
    }
  }
}

function take(position, page, { deliver, lost, isMine }) {
  const gap = holeBefore(position, page);
  if (gap) lost(gap);
  for (const message of page.messages) {
    if (!isMine() || message.seq <= position.now.seq) continue;
    position.skip({ epoch: page.epoch, seq: message.seq });
    deliver(message);
  }
}

// Skips what is missing before the page, or for good.
function holeBefore(position, { epoch, messages }) {
  const { epoch: known, seq } = position.now;
  const first = messages.find((message) => message.seq > seq);
  if (epoch !== known) {
    return position.skip({ epoch, seq: first ? first.seq - 1 : 0 });
  }
  if (!first) return position.skip();
  return first.seq > seq + 1
    ? position.skip({ epoch, seq: first.seq - 1 }) : undefined;
}
