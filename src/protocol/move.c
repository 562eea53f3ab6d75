/* SPDX-License-Identifier: MIT
 * From worker to worker. */
#include "protocol/move.h"

#include "base/log.h"
#include "base/mem.h"
#include "hub/line.h"
#include "protocol/hold.h"
#include "protocol/inbox.h"
#include "protocol/resume.h"
#include "protocol/session.h"

#include <string.h>

/* What goes along. */
struct move {
  struct bus_load load;
  struct line line;
  char *claimant, *claims, *headers, *traceparent, *address;
  int64_t expires_s;
  struct replay *replay; /* has kept nothing yet */
  struct inbox *inbox;
  bool says_pong, is_service;
};

static struct move *move_of(struct bus_load *load) {
  return container_of(load, struct move, load);
}

static void drop_move(struct bus_load *load) {
  struct move *move = move_of(load);
  struct replays none = {0};
  line_drop(&move->line);
  mem_free(move->claimant);
  mem_free(move->claims);
  mem_free(move->headers);
  mem_free(move->traceparent);
  mem_free(move->address);
  replay_free(move->replay, &none);
  inbox_free(move->inbox);
  mem_free(move);
}

static struct move *pack_move(struct conn *conn) {
  struct client *client = client_of(conn);
  struct move *move = mem_alloc(sizeof *move);
  move->load.drop = drop_move;
  move->claimant = conn->claimant;
  move->claims = conn->claims;
  move->headers = conn->headers;
  move->traceparent = conn->traceparent;
  move->address = mem_strdup(conn->address->text);
  move->expires_s = client->expires_s;
  move->replay = conn->replay;
  move->inbox = client->inbox;
  move->says_pong = client->says_pong;
  move->is_service = client->is_service;
  conn->io->detach(conn, &move->line);
  return move;
}

/* Another thread has all of it. */
static void forget_moved(struct conn *conn) {
  conn->claimant = conn->claims = conn->headers = conn->traceparent = NULL;
  conn->is_part = false;
  conn->replay = NULL;
  conn->counts = false;
  client_of(conn)->inbox = NULL;
}

bool move_to_worker(struct conn *conn, int worker) {
  struct move *move = pack_move(conn);
  struct bus_letter letter = {
      .to = BUS_CONN, .what = BUS_MOVE, .load = &move->load};
  log_debug("conn=%llu user=%s goes to worker=%d, which has its session",
            (unsigned long long)conn->id, conn_user_name(conn), worker + 1);
  manager_uncount(conn); /* it is counted there */
  if (bus_post(manager_of(conn)->bus, worker, &letter)) {
    forget_moved(conn);
    conn_vanish(conn);
    return true;
  }
  manager_count_again(conn);
  conn->io->attach_take(conn, &move->line);
  conn->io->pause(conn, true); /* HOLD_MOVE */
  mem_free(move->address);
  mem_free(move);
  return false;
}

void move_receive_take(struct protocol *protocol, struct bus_load *load) {
  struct move *move = move_of(load);
  if (protocol->draining) {
    drop_move(load);
    return;
  }
  struct conn *conn = client_new(protocol, protocol->io, NULL);
  struct client *client = client_of(conn);
  conn->claimant = move->claimant;
  conn->claims = move->claims;
  conn->headers = move->headers;
  conn_set_traceparent_take(conn, move->traceparent);
  conn->replay = move->replay;
  conn->counts = true;
  client->expires_s = move->expires_s;
  client->says_pong = move->says_pong;
  client->is_service = move->is_service;
  session_adopt(protocol, conn, move->address, move->inbox);
  conn->io->attach_take(conn, &move->line);
  hold_set(conn, HOLD_MOVE);
  mem_free(move->address);
  mem_free(move);
  resume_decide(conn);
}
