/* SPDX-License-Identifier: MIT
 * Frames that wait for events. */
#include "hub/gate.h"

#include "base/mem.h"
#include "events/tickets.h"

void gate_note(struct conn *conn) {
  uint64_t ticket = tickets_pending(conn->owner->tickets);
  if (!conn->gated && ticket == 0)
    return;
  if (!conn->gated) {
    conn->gate = mem_alloc(sizeof *conn->gate);
    conn->gated = true;
    conn->gate->ticket[0] = ticket;
    conn->gate->held[0] = 1;
    return;
  }
  struct gate *gate = conn->gate;
  int group = gate->held[1] > 0 || ticket > gate->ticket[0];
  gate->held[group]++;
  if (ticket > gate->ticket[group])
    gate->ticket[group] = ticket;
}

void gate_look(struct conn *conn) {
  struct gate *gate = conn->gate;
  while (gate && gate->held[0] > 0 &&
         tickets_settled(conn->owner->tickets, gate->ticket[0])) {
    gate->held[0] = gate->held[1];
    gate->ticket[0] = gate->ticket[1];
    gate->held[1] = 0;
    gate->ticket[1] = 0;
  }
  if (gate && gate->held[0] == 0)
    gate_remove(conn);
}

void gate_remove(struct conn *conn) {
  mem_free(conn->gate);
  conn->gate = NULL;
  conn->gated = false;
}
