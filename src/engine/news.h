/* SPDX-License-Identifier: MIT
 * What other machines have answered to a question. */
#ifndef ENGINE_NEWS_H
#define ENGINE_NEWS_H

#include "engine/whereabouts.h"

#include <stddef.h>
#include <stdint.h>

struct engine_news {
  int err;              /* 0, or ERR_UNAVAILABLE: not all have answered */
  uint32_t connections; /* in the room */
  char **names;         /* of users or rooms; some may come twice */
  size_t name_count, name_cap;
  struct whereabouts_conn *conns;
  size_t conn_count, conn_cap;
};

/* What it points to is copied. */
void news_add_name(struct engine_news *news, const char *name, size_t len);
void news_add_conn(struct engine_news *news,
                   const struct whereabouts_conn *conn);

/* Frees what it holds. */
void news_clear(struct engine_news *news);

#endif
