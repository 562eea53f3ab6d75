/* SPDX-License-Identifier: MIT
 * libwebsockets on a loop, with one virtual host. It listens nowhere and reads
 * no client: edge/relay gives it one request at a time. */
#ifndef EDGE_LIBRARY_H
#define EDGE_LIBRARY_H

#include "base/attr.h"

#include <libwebsockets.h>
#include <uv.h>

struct library {
  struct lws_context *context; /* NULL: not open */
  struct lws_vhost *vhost;     /* where sockets are adopted */
};

struct library_plan {
  const char *name;                      /* static, of the host */
  const struct lws_protocols *protocols; /* static; the first answers */
  const struct lws_http_mount *mounts;   /* borrowed until library_free */
  void *arg;            /* lws_context_user, for the callback of `protocols` */
  unsigned descriptors; /* the library keeps a table of so many, instead of one
                         * as long as `ulimit -n` */
};

/* ERR_SYSTEM when it does not start; library_close all the same. */
MUST_CHECK int library_open(struct library *library, uv_loop_t *loop,
                            const struct library_plan *plan);

/* Starts to end it; the loop must run until nothing is left in it. Nothing if
 * it is not open, as with library_free. */
void library_close(struct library *library);

/* After that. */
void library_free(struct library *library);

#endif
