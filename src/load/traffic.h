/* SPDX-License-Identifier: MIT
 * What is sent, and how an arriving message is matched with its sending.
 *
 * Closed loop: each sender has `window` slots; a slot sends when what it sent
 * before has reached everybody it should. With `active` there is one set of
 * slots, and each message is that of a random client. Open loop: load/schedule
 * says when.
 *
 * A measured message carries "#<slot><time>" in its data, in hexadecimal
 * digits of fixed number; `time` is when it was sent (closed) or due (open).
 * So nothing has to be looked up or kept for a message, and no JSON is read
 * where a message is only counted. Messages of a script carry an id instead,
 * which names the slot, and are complete with their reply. */
#ifndef LOAD_TRAFFIC_H
#define LOAD_TRAFFIC_H

#include "load/crowd.h"
#include "load/outcome.h"
#include "load/script.h"

struct slot {
  uint64_t time;    /* of its message; 0: none is under way */
  uint64_t id;      /* of a script's message */
  unsigned missing; /* receivers that have not got it yet */
};

struct traffic {
  const struct plan *plan;
  struct crowd *crowd;
  struct script *script; /* or NULL */
  struct outcome *outcome;
  bool sending;
  uint64_t from, to; /* what is due in between is measured */
  struct slot *slots;
  unsigned slot_count;
  unsigned turn; /* open loop: whose turn it is; the next slot of a script */
  uint64_t sends;
  uint64_t sent_to, reached; /* deliveries expected and seen, of all */
  bool probed;               /* the answer to the probe has come */
  bool failed;               /* the script has: outcome->why says how */
  struct buf text, data;     /* a message, and what it carries */
};

/* plan, crowd, script and outcome are set by the caller. */
void traffic_init(struct traffic *traffic);

/* Sends one unmeasured message that wants an answer: does the server have the
 * handlers? `probed` becomes true with a reply; an error answer is put into
 * outcome->why. */
void traffic_probe(struct traffic *traffic);

/* Closed loop: fills all windows. */
void traffic_begin(struct traffic *traffic);

/* Open loop: a message is due; see schedule_fn. */
bool traffic_due(struct traffic *traffic, uint64_t due);

/* A text of a client that is in. True if it was a measured message. */
bool traffic_text(struct traffic *traffic, struct client *client,
                  const char *text, size_t len);

/* Any other message, error answers included. */
void traffic_message(struct traffic *traffic, struct client *client,
                     const struct envelope *env, const char *text, size_t len);

/* From time to time: gives up on what does not come, and goes on. */
void traffic_tick(struct traffic *traffic, uint64_t now);

/* Whether all that was sent has arrived. */
bool traffic_complete(const struct traffic *traffic);

void traffic_free(struct traffic *traffic);

#endif
