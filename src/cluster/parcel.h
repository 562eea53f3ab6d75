/* SPDX-License-Identifier: MIT
 * What machines send each other through Redis, as bytes.
 *
 * A parcel is a letter of the bus (engine/bus) for those who are elsewhere: its
 * target is the channel that it comes by. A record is a message of a room with
 * numbers, as it is kept.
 *
 * Both begin with a version, so that machines of different versions tell each
 * other nothing that would be understood wrongly: what is not understood is
 * left out, and counted. */
#ifndef CLUSTER_PARCEL_H
#define CLUSTER_PARCEL_H

#include "base/buf.h"
#include "engine/bus.h"
#include "wire/slice.h"

struct parcel {
  uint64_t origin;    /* the machine that has sent it */
  bool echo;          /* it is for that machine, too */
  enum bus_what what; /* BUS_SEND, BUS_CLOSE or BUS_PROBE */
  bool drop, own;
  int code;
  uint64_t conn;        /* of `origin`: who is left out, or who has come */
  struct slice text;    /* of the letter; of BUS_SEND what it is an effect of
                         * (trace/far), or nothing */
  struct slice payload; /* of BUS_SEND */
  bool is_binary;       /* that is */
};

/* A whole number of so many bytes. */
void parcel_put_number(struct buf *out, uint64_t value, int bytes);

/* Takes a number, or bytes, off the beginning. False: there are not so many
 * bytes. */
MUST_CHECK bool parcel_take_number(struct slice *rest, int bytes,
                                   uint64_t *value);
MUST_CHECK bool parcel_take(struct slice *rest, size_t len,
                            struct slice *slice);

/* Appends it. */
void parcel_put(struct buf *out, const struct parcel *parcel);

/* Reads one; its slices point into `bytes`. False: it is none. */
MUST_CHECK bool parcel_read(struct slice bytes, struct parcel *parcel);

/* A message with a number; the number is not in it. */
struct record {
  uint64_t origin;
  uint64_t except; /* a connection of `origin` that is left out; 0: none */
  bool drop;
  int64_t at_ms;      /* when it was published, Unix time */
  uint32_t number_at; /* where the number stands in `text` */
  struct slice key;   /* with `latest` */
  struct slice text;
};

void record_put(struct buf *out, const struct record *record);
MUST_CHECK bool record_read(struct slice bytes, struct record *record);

#endif
