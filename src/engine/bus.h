/* SPDX-License-Identifier: MIT
 * Frames and commands from one worker to another.
 *
 * A letter names its receivers (a user, a room, one connection, everyone) and
 * what is meant for them. Letters of one worker to another keep their order,
 * so that messages of one sender to one receiver do. The frame is built once
 * and shared: its count is atomic.
 *
 * A worker that a script holds in a C function receives no letters. So what
 * waits for a worker is bounded. At half of the bound letters with `drop` are
 * left out, at the bound all letters that carry a frame: the clients of that
 * worker could not be reached anyway. Commands always get through. */
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
  BUS_SEND,  /* the frame; not to the user in text (empty: nobody) */
  BUS_CLOSE, /* with code, and text as reason (empty: that of the code) */
  BUS_JOIN,  /* the room in text; BUS_USER: all connections of the user */
  BUS_LEAVE,
  BUS_MOVE,    /* the load; whoever receives it owns it */
  BUS_INFO,    /* what it says of itself in text; empty: nothing */
  BUS_ONLINE,  /* BUS_USER: its first connection has logged in */
  BUS_OFFLINE, /* BUS_USER: its last one has logged out */
  BUS_PROBE,   /* whether they live; BUS_ALL: those of the network in text */
  BUS_ERA,     /* the room is in a new era, at `seq` */
  BUS_LATE,    /* BUS_CONN: what waits for that connection may go, hub/late */
  BUS_LOOK,    /* who is in a room has changed on another machine */
  BUS_BEHIND,  /* what came after `seq` in the room was left out for you */
};

/* Something that is not copied, but goes from one worker to another. */
struct bus_load {
  /* Nobody has received it: frees it. Called when every loop has ended. */
  void (*drop)(struct bus_load *load);
};

struct bus_letter {
  struct list node;
  enum bus_to to;
  enum bus_what what;
  struct frame *frame;   /* BUS_SEND: the letter holds a reference */
  struct bus_load *load; /* BUS_MOVE, else NULL */
  uint64_t conn;         /* BUS_CONN */
  uint64_t except;       /* the id of a connection that is left out; 0: none */
  bool drop;             /* skip connections that are behind */
  bool late;             /* of hub/late, by the worker that receives it */
  bool own;              /* of the server itself: not for raw connections */
  bool must;             /* is not left out, whatever waits there */
  int code;
  uint64_t era, seq;  /* of a numbered message (engine/engine); else 0 */
  const char *target; /* user or room, with its length; ends in NUL */
  size_t target_len;
  const char *text;
  char room[]; /* where both are */
};

struct bus_port {
  struct mailbox mailbox;
  _Atomic size_t waiting; /* bytes of frames in letters not received yet */
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

/* A bus for two workers or more; also for a single one, to which the HTTP API
 * posts. A port takes up to `port_bytes` of frames. */
MUST_CHECK struct bus *bus_new(int workers, size_t port_bytes);

/* Call it when every port is closed and every loop has ended. Accepts NULL. */
void bus_free(struct bus *bus);

/* Opens the port of a worker on its loop. `open` is called there with each
 * letter; the letter belongs to the port again when `open` returns. */
void bus_open(struct bus *bus, int worker, uv_loop_t *loop,
              void (*open)(void *arg, const struct bus_letter *letter),
              void *arg);

/* The worker receives its letters in turns with its other work from now on.
 * `turn` must not be closed before the port is. */
void bus_take_turns(struct bus *bus, int worker, struct turn *turn);

/* Hands out, now, what has been posted to that worker so far. On its thread,
 * for its end. */
void bus_receive_all(struct bus *bus, int worker);

/* What is posted to that worker from now on is dropped. */
void bus_close(struct bus *bus, int worker);

/* Whether more than a quarter of what may wait for some worker does wait. Who
 * can wait himself should do so then. */
bool bus_is_behind(const struct bus *bus);

/* Whether that worker takes a letter with a frame of `len` bytes now. */
bool bus_has_room(const struct bus *bus, int worker, size_t len);

/* Posts a copy of the letter, with target and text, to that worker. Returns
 * false when it was left out; then a load is still the caller's. */
bool bus_post(struct bus *bus, int worker, const struct bus_letter *letter);

#endif
