/* SPDX-License-Identifier: MIT
 * Messages that wait for others. */
#include "hub/late.h"

/* Posts to this worker itself. What is late is counted until it has come. */
static bool post_home(struct manager *manager, struct bus_letter *letter) {
  letter->late = true;
  if (!bus_post(manager->home, manager->worker, letter))
    return false; /* it ends */
  manager->underway++;
  return true;
}

void late_note(struct manager *manager) {
  struct bus_letter letter = {.to = BUS_CONN, .what = BUS_LATE};
  (void)post_home(manager, &letter);
}

bool late_post(struct manager *manager, struct bus_letter *letter) {
  if (manager->underway == 0 || !post_home(manager, letter))
    return false;
  manager->fanouts++;
  return true;
}

static bool is_in_room_underway(const struct conn *conn) {
  for (uint32_t i = 0; i < conn->room_count; i++)
    if (room_is_underway(conn->rooms[i].room))
      return true;
  return false;
}

static bool must_follow(const struct manager *manager,
                        const struct conn *conn) {
  return conn_is_let_in(conn) &&
         (manager->fanouts > 0 || conn->late.count > 0 ||
          is_in_room_underway(conn));
}

int late_send(struct conn *conn, struct frame *frame) {
  struct manager *manager = manager_of(conn);
  struct bus_letter letter = {
      .to = BUS_CONN, .what = BUS_LATE, .conn = conn->id};
  if (manager->underway == 0 || !must_follow(manager, conn) ||
      !conn_late_fits(conn, frame) || !post_home(manager, &letter))
    return conn_send(conn, frame);
  outq_push(&conn->late, frame);
  return 0;
}

static void let_first_go(struct conn *conn) {
  struct frame *frame = outq_peek(&conn->late, 0);
  if (!frame)
    return; /* it was closed meanwhile */
  frame_ref(frame);
  outq_drop(&conn->late, 1);
  (void)conn_send(conn, frame); /* full: it is closed */
  frame_unref(frame);
}

void late_receive(struct manager *manager, const struct bus_letter *letter) {
  manager->underway--;
  if (letter->what != BUS_LATE) {
    manager->fanouts--;
    return;
  }
  struct conn *conn = manager_conn(manager, letter->conn);
  if (conn)
    let_first_go(conn);
}
