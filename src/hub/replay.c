/* SPDX-License-Identifier: MIT
 * Messages that a client may ask for once more. */
#include "hub/replay.h"

#include "base/mem.h"

struct replay *replay_new(void) {
  struct replay *replay = mem_alloc(sizeof *replay);
  outq_init(&replay->kept);
  return replay;
}

static void drop_oldest(struct replay *replay, struct replays *all,
                        uint32_t count) {
  size_t before = replay->kept.bytes;
  outq_drop(&replay->kept, count);
  all->bytes -= before - replay->kept.bytes;
}

void replay_free(struct replay *replay, struct replays *all) {
  if (!replay)
    return;
  drop_oldest(replay, all, replay->kept.count);
  if (replay->away)
    mem_free(replay->away->why);
  mem_free(replay->away);
  mem_free(replay->wish);
  mem_free(replay);
}

void replay_keep(struct replay *replay, struct replays *all,
                 struct frame *frame) {
  outq_push(&replay->kept, frame);
  replay->sent++;
  all->bytes += frame->len;
  while (replay->kept.count > 0 &&
         (replay->kept.bytes > all->each || all->bytes > all->limit))
    drop_oldest(replay, all, 1);
}

void replay_ack(struct replay *replay, struct replays *all, uint64_t n) {
  if (n > replay->sent)
    return;
  replay->asked = false;
  if (n > replay_base(replay))
    drop_oldest(replay, all, (uint32_t)(n - replay_base(replay)));
}
