/* SPDX-License-Identifier: MIT
 * Frames and commands from one worker to another.
 *
 * A letter names its receivers (a user, a room, one connection, everyone) and
 * what is meant for them. Letters of one worker to another keep their order,
 * so that messages of one sender to one receiver do. The frame is built once
 * and shared: its count is atomic.
 *
 * A worker that a script holds in a C function opens no letters. What waits
 * for it is bounded; past that letters with `drop` are left out first (at half
 * of the bound), then all that carry a frame: its clients could not be reached
 * anyway. Commands always get through. */
#ifndef ENGINE_BUS_H
#define ENGINE_BUS_H

#include "engine/whereabouts.h"
#include "net/mailbox.h"
#include "wire/frame.h"

#include <stdatomic.h>
#include <stdbool.h>

enum { BUS_WORKERS_MAX = 256 };

enum bus_to { BUS_USER, BUS_ROOM, BUS_ALL, BUS_CONN };

enum bus_what {
  BUS_SEND,  /* the frame */
  BUS_CLOSE, /* with code, and text as reason (empty: that of the code) */
  BUS_JOIN,  /* the room in text */
  BUS_LEAVE,
  BUS_PROBE, /* whether they live; BUS_ALL: those of the network in text */
};

struct bus_letter {
  struct list node;
  enum bus_to to;
  enum bus_what what;
  struct frame *frame; /* BUS_SEND: the letter holds a reference */
  uint64_t conn;       /* BUS_CONN */
  uint64_t except;     /* the id of a connection that is left out; 0: none */
  bool drop;           /* skip connections that are behind */
  int code;
  const char *target; /* user or room, with its length; ends in NUL */
  size_t target_len;
  const char *text;
  char room[]; /* where both are */
};

struct bus_port {
  struct mailbox mailbox;
  _Atomic size_t waiting; /* bytes of frames in letters that are not open */
  struct bus *bus;
  int worker; /* 0, 1, … */
  void (*open)(void *arg, const struct bus_letter *letter);
  void *arg;
};

struct bus {
  int workers;
  size_t port_bytes; /* bound of `waiting`; 0: none */
  struct whereabouts *whereabouts;
  struct bus_port *ports;
};

/* For two workers at least; each port takes up to `port_bytes` of frames. */
MUST_CHECK struct bus *bus_new(int workers, size_t port_bytes);

/* When every port is closed and every loop has ended. Accepts NULL. */
void bus_free(struct bus *bus);

/* Opens the port of a worker, on its loop; `open` is called there with each
 * letter, which is the port's again when it returns. */
void bus_open(struct bus *bus, int worker, uv_loop_t *loop,
              void (*open)(void *arg, const struct bus_letter *letter),
              void *arg);

/* Letters of that worker are opened in turns with its other work; not closed
 * before the port is. */
void bus_take_turns(struct bus *bus, int worker, struct turn *turn);

/* What is sent there from now on is dropped. */
void bus_close(struct bus *bus, int worker);

/* Copies the letter, target and text too, to that worker. False if it was left
 * out. */
bool bus_post(struct bus *bus, int worker, const struct bus_letter *letter);

#endif
