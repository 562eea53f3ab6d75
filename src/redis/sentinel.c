/* SPDX-License-Identifier: MIT
 * Asks the Sentinels of a URL where their master is. */
#include "redis/sentinel.h"

#include "base/mem.h"
#include "redis/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENTINEL_HOST_BYTES = 256 };

struct sentinel {
  struct peers *peers;
  bool known;
  uint64_t epoch; /* of the best answer so far */
  char host[SENTINEL_HOST_BYTES];
  int port;
  sentinel_answer_fn *answer;
  void *arg;
};

/* The value behind this name in a list of names and values; "" for none. */
static struct reply master_field(const struct reply *list, const char *name) {
  for (size_t i = 0; i + 1 < list->count; i += 2) {
    struct reply key = reply_at(list, i);
    if (reply_is(&key, name))
      return reply_at(list, i + 1);
  }
  return (struct reply){.text = ""};
}

static bool on_master(void *arg, const struct redis_host *from,
                      const struct reply *reply) {
  struct sentinel *sentinel = arg;
  struct reply host = master_field(reply, "ip");
  struct reply port = master_field(reply, "port");
  struct reply epoch = master_field(reply, "config-epoch");
  (void)from;
  if (host.len == 0 || host.len >= sizeof sentinel->host || port.len == 0)
    return false;
  uint64_t number = strtoull(epoch.text, NULL, 10);
  if (!sentinel->known || number > sentinel->epoch) {
    sentinel->known = true;
    sentinel->epoch = number;
    sentinel->port = atoi(port.text);
    snprintf(sentinel->host, sizeof sentinel->host, "%s", host.text);
  }
  return true;
}

static void on_sentinels_over(void *arg, const char *why) {
  struct sentinel *sentinel = arg;
  bool known = sentinel->known;
  sentinel->known = false;
  sentinel->answer(sentinel->arg, known ? sentinel->host : NULL, sentinel->port,
                   known ? "" : why);
}

void sentinel_ask(struct sentinel *sentinel) {
  peers_ask(sentinel->peers);
}

struct sentinel *sentinel_new(uv_loop_t *loop, const struct redis_url *url,
                              SSL_CTX *tls, uint64_t timeout_ms,
                              sentinel_answer_fn *answer, void *arg) {
  static const struct peers_events events = {.answer = on_master,
                                             .over = on_sentinels_over};
  struct sentinel *sentinel = mem_alloc(sizeof *sentinel);
  struct peers_options options = {
      .url = url,
      .what = "Sentinel",
      .tls = tls,
      .timeout_ms = timeout_ms,
      .question = {"SENTINEL", "MASTER", url->master},
      .events = &events,
      .arg = sentinel};
  sentinel->answer = answer;
  sentinel->arg = arg;
  sentinel->peers = peers_new(loop, &options);
  return sentinel;
}

void sentinel_close(struct sentinel *sentinel) {
  if (!sentinel)
    return;
  peers_close(sentinel->peers);
  mem_free(sentinel);
}
