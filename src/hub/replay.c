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

/* How much may be kept for all until the end of the turn. */
static size_t limit_now(const struct replays *all) {
  return all->parked ? all->limit + all->limit / 8 : all->limit;
}

void replay_keep(struct replay *replay, struct replays *all,
                 struct frame *frame) {
  outq_push(&replay->kept, frame);
  replay->sent++;
  all->bytes += frame->len;
  while (replay->kept.count > 0 &&
         (replay->kept.bytes > all->each || all->bytes > limit_now(all)))
    drop_oldest(replay, all, 1);
}

void replay_ack(struct replay *replay, struct replays *all, uint64_t n) {
  if (n > replay->sent)
    return;
  replay->asked = false;
  if (n > replay->acked)
    replay->acked = n;
  if (n > replay_base(replay))
    drop_oldest(replay, all, (uint32_t)(n - replay_base(replay)));
}
