/* SPDX-License-Identifier: MIT
 * A context of libwebsockets. */
#include "edge/library.h"

#include "base/err.h"
#include "base/log.h"

#include <string.h>

enum { HEADERS_BYTES = 16384 }; /* more than edge/relay writes */

/* What the library calls errors is mostly said about what peers sent. */
static void on_log(int level, const char *line) {
  int len = (int)strcspn(line, "\n");
  (void)level;
  log_debug("libwebsockets: %.*s", len, line);
}

int library_open(struct library *library, uv_loop_t *loop,
                 const struct library_plan *plan) {
  void *loops[] = {loop};
  struct lws_context_creation_info context = {
      .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
      .foreign_loops = loops,
      .user = plan->arg,
      .port = CONTEXT_PORT_NO_LISTEN,
      .max_http_header_data = HEADERS_BYTES,
      .fd_limit_per_thread = plan->descriptors,
  };
  struct lws_context_creation_info host = {
      .vhost_name = plan->name,
      .port = CONTEXT_PORT_NO_LISTEN_SERVER,
      .protocols = plan->protocols,
      .server_string = "perigee",
      .mounts = plan->mounts,
  };
  context.uid--; /* -1: as it is. They are signed in 4.1, and not in 4.3 */
  context.gid--;
  lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
  library->context = lws_create_context(&context);
  if (library->context)
    library->vhost = lws_create_vhost(library->context, &host);
  return library->vhost ? 0 : ERR_SYSTEM;
}

void library_close(struct library *library) {
  if (library->context)
    lws_context_destroy(library->context);
}

/* On a foreign loop the first call only starts it. The handles are closed by
 * now, and the second call frees. */
void library_free(struct library *library) {
  if (library->context)
    lws_context_destroy(library->context);
  *library = (struct library){0};
}
