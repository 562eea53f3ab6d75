/* SPDX-License-Identifier: MIT
 * What may be asked of a store that several machines share. It holds what
 * engine/store holds, and each of these is atomic over all machines. */
#ifndef ENGINE_FAR_H
#define ENGINE_FAR_H

#include "base/buf.h"
#include "engine/store.h"

enum far_verb {
  FAR_GET,
  FAR_SET,
  FAR_ADD,  /* only if it is not there */
  FAR_INCR, /* by `value`; a new key begins there */
  FAR_SWAP, /* only if it still is `was`; no `value`: deletes it */
  FAR_DELETE,
  FAR_KEYS, /* that begin with `key`, which may be empty */
};

struct far_call {
  enum far_verb verb;
  struct store_key key;
  const struct store_value *value; /* of SET, ADD, INCR, SWAP */
  const struct store_value *was;   /* of SWAP; NULL: it was not there */
  uint64_t ttl_ms; /* 0: for ever; but SWAP keeps the time that there is. Of
                    * INCR, for a new key */
  size_t max;      /* of KEYS: no more are read, when there are so many */
};

struct far_answer {
  int err;         /* 0, or ERR_UNAVAILABLE, and */
  const char *why; /* a line for people: constant, or in `bytes` */
  bool strange;    /* what is there was written by another version */
  bool done;       /* of ADD, SWAP, DELETE; of GET, whether `value` is there */
  bool found;      /* of SWAP that was not done: `value` is what is there */
  enum store_verdict verdict; /* of INCR; `value` is the sum */
  struct store_value value;   /* its bytes are in `bytes` */
  struct buf bytes;           /* or keys, as store_keys has them; some may be
                               * there twice */
  size_t count;               /* of KEYS */
  bool more;                  /* some may be left out */
};

/* `answer` is there until this returns; who keeps it takes its `bytes`, and
 * leaves an empty buffer. */
typedef void far_answered_fn(void *arg, struct far_answer *answer);

#endif
