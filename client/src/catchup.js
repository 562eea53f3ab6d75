// SPDX-License-Identifier: MIT
// Fetches what a room has missed while it stayed joined.

const PAGE = 100; // messages

/**
 * Until `position` is not behind: asks with `fetch(after, limit)` and gives the
 * messages to `deliver`, in order. What is not there any more is told to
 * `lost(gap)`. Ends when `isMine` says so, or quietly with the connection: the
 * next join goes on from the position.
 */
export async function catchUp(position, { fetch, deliver, lost, isMine }) {
  try {
    while (isMine() && position.isBehind) {
      const page = await fetch(position.now.seq, PAGE);
      if (!isMine()) return;
      const gap = holeBefore(position, page);
      if (gap) lost(gap);
      for (const message of page.messages) {
        if (!isMine() || message.seq <= position.now.seq) continue;
        position.skip({ epoch: page.epoch, seq: message.seq });
        deliver(message);
      }
    }
  } catch (error) {
    const isOver = error.code === 'DISCONNECTED' || error.code === 'CLOSED';
    if (!isOver && isMine()) lost(position.skip());
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
