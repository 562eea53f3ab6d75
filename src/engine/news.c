/* SPDX-License-Identifier: MIT
 * Answers of other machines. */
#include "engine/news.h"

#include "base/mem.h"

enum { NEWS_MIN = 16 };

void news_add_name(struct engine_news *news, const char *name, size_t len) {
  if (news->name_count == news->name_cap) {
    news->name_cap = news->name_cap ? news->name_cap * 2 : NEWS_MIN;
    news->names =
        mem_realloc(news->names, news->name_cap * sizeof *news->names);
  }
  news->names[news->name_count++] = mem_strndup(name, len);
}

void news_add_conn(struct engine_news *news,
                   const struct whereabouts_conn *conn) {
  if (news->conn_count == news->conn_cap) {
    news->conn_cap = news->conn_cap ? news->conn_cap * 2 : NEWS_MIN;
    news->conns =
        mem_realloc(news->conns, news->conn_cap * sizeof *news->conns);
  }
  struct whereabouts_conn *copy = &news->conns[news->conn_count++];
  *copy = *conn;
  copy->user = NULL; /* whoever was asked about */
  copy->rooms = NULL;
  copy->room_count = 0;
  copy->address = mem_strdup(conn->address);
  copy->claims = mem_strdup(conn->claims);
}

void news_clear(struct engine_news *news) {
  for (size_t i = 0; i < news->name_count; i++)
    mem_free(news->names[i]);
  for (size_t i = 0; i < news->conn_count; i++) {
    mem_free((char *)news->conns[i].address);
    mem_free((char *)news->conns[i].claims);
  }
  mem_free(news->names);
  mem_free(news->conns);
  *news = (struct engine_news){0};
}
