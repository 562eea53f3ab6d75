/* SPDX-License-Identifier: MIT
 * What is sent, for traces: its type, its room, and to whom. */
#ifndef TRACE_SENT_H
#define TRACE_SENT_H

#include "trace/tracer.h"
#include "wire/frame.h"

/* What stands at the begin of a message of the server:
 * {"type":"…","room":"…". Empty where it is no such message. */
struct sent_message {
  struct slice type, room; /* in the frame; the room as it stands in JSON */
  struct slice data;       /* JSON */
};

void sent_read(struct sent_message *message, const struct frame *frame);
void sent_read_text(struct sent_message *message, struct slice text);

/* The traces that follow its type or its room. */
uint32_t sent_match(const struct sent_message *message);

/* Appends the members "type" and "room", where they are. */
void sent_put(struct buf *out, const struct sent_message *message);

/* Somebody sends. */
struct sent_note {
  const char *to;      /* "user", "room", "all", "conn" */
  struct slice target; /* of a user or a room; len 0: none */
  uint64_t conn;       /* of a connection; 0: none */
  struct slice text;   /* the message, JSON */
  uint32_t receivers;
  uint64_t seq; /* 0: it has no number */
};

/* To be called when it is sent. */
void sent_tell(const struct sent_note *note);
void sent_tell_frame(struct sent_note note, const struct frame *frame);

/* A message was refused before there was a span for it. */
struct refused_note {
  uint64_t conn;
  const char *user, *code, *text;
};

void sent_tell_refusal(const struct refused_note *note);

#endif
