/* SPDX-License-Identifier: MIT
 * Asks the Sentinels of a URL where their master is. */
#include "redis/sentinel.h"

#include "base/buf.h"
#include "base/mem.h"
#include "redis/adapter.h"
#include "redis/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENTINEL_HOST_BYTES = 256, SENTINEL_WHY_BYTES = 320, SENTINEL_OWED = 3 };

struct sentinel_peer {
  struct sentinel *sentinel;
  struct adapter *adapter; /* NULL: none */
  bool open;
  bool asked; /* its answer is still to come */
  int owed;   /* questions since its last answer */
};

struct sentinel {
  uv_loop_t *loop;
  const struct redis_url *url;
  SSL_CTX *tls;
  uint64_t timeout_ms;
  uv_timer_t timer; /* of the question */
  struct sentinel_peer peers[REDIS_HOSTS_MAX];
  bool asking;
  size_t answered; /* by those that know a master */
  size_t failed;
  uint64_t epoch; /* of the best answer so far */
  char host[SENTINEL_HOST_BYTES], why[SENTINEL_WHY_BYTES];
  int port;
  sentinel_answer_fn *answer;
  void *arg;
};

static void on_sentinel_timer(uv_timer_t *timer);

/* Tells what is known, from the loop. */
static void finish_soon(struct sentinel *sentinel) {
  uv_timer_start(&sentinel->timer, on_sentinel_timer, 0, 0);
}

static void peer_over(struct sentinel_peer *peer) {
  struct sentinel *sentinel = peer->sentinel;
  size_t count = sentinel->url->host_count;
  peer->asked = false;
  if (!sentinel->asking)
    return;
  if (sentinel->answered > count / 2 ||
      sentinel->answered + sentinel->failed == count)
    finish_soon(sentinel);
}

static void peer_failed(struct sentinel_peer *peer, const char *why) {
  struct sentinel *sentinel = peer->sentinel;
  const struct redis_host *host = &sentinel->url->hosts[peer - sentinel->peers];
  if (!peer->asked)
    return;
  snprintf(sentinel->why, sizeof sentinel->why, "Sentinel %s:%d: %s",
           host->name, host->port, why);
  sentinel->failed++;
  peer_over(peer);
}

static void drop_peer(struct sentinel_peer *peer) {
  struct adapter *adapter = peer->adapter;
  peer->adapter = NULL;
  peer->open = false;
  peer->owed = 0;
  adapter_close(adapter);
}

/* The value behind this name in a list of names and values; "" for none. */
static struct reply master_field(const struct reply *list, const char *name) {
  for (size_t i = 0; i + 1 < list->count; i += 2) {
    struct reply key = reply_at(list, i);
    if (reply_is(&key, name))
      return reply_at(list, i + 1);
  }
  return (struct reply){.text = ""};
}

static void on_master(void *arg, const struct reply *reply, bool sent) {
  struct sentinel_peer *peer = arg;
  struct sentinel *sentinel = peer->sentinel;
  (void)sent;
  if (reply)
    peer->owed = 0;
  if (!reply || !peer->asked)
    return; /* without a reply, on_sentinel_ended follows */
  struct reply host = master_field(reply, "ip");
  struct reply port = master_field(reply, "port");
  struct reply epoch = master_field(reply, "config-epoch");
  if (host.len == 0 || host.len >= sizeof sentinel->host || port.len == 0) {
    peer_failed(peer,
                reply->kind == REPLY_ERROR ? reply->text : "a strange answer");
    return;
  }
  uint64_t number = strtoull(epoch.text, NULL, 10);
  if (sentinel->answered++ == 0 || number > sentinel->epoch) {
    sentinel->epoch = number;
    sentinel->port = atoi(port.text);
    snprintf(sentinel->host, sizeof sentinel->host, "%s", host.text);
  }
  peer_over(peer);
}

/* A Sentinel with a password has the one of the URL; others answer AUTH with an
 * error, which does no harm. */
static void send_question(struct sentinel_peer *peer) {
  const struct redis_url *url = peer->sentinel->url;
  struct slice auth[3] = {word("AUTH")};
  struct slice ask[] = {word("SENTINEL"), word("MASTER"), word(url->master)};
  struct buf text = {0};
  size_t count = 1;
  int rc = 0;
  if (url->user)
    auth[count++] = word(url->user);
  if (url->password) {
    auth[count++] = word(url->password);
    words_put(&text, auth, count);
    rc = adapter_send(peer->adapter, text.data, text.len, NULL, NULL);
    explicit_bzero(text.data, text.len);
    buf_reset(&text, 0);
  }
  words_put(&text, ask, ARRAY_SIZE(ask));
  peer->owed++;
  if (rc == 0)
    rc = adapter_send(peer->adapter, text.data, text.len, on_master, peer);
  if (rc < 0)
    peer_failed(peer, "the connection is closed");
  buf_free(&text);
}

static void on_sentinel_open(void *arg) {
  struct sentinel_peer *peer = arg;
  peer->open = true;
  if (peer->asked)
    send_question(peer);
}

static void on_sentinel_ended(void *arg, const char *why) {
  struct sentinel_peer *peer = arg;
  peer_failed(peer, why);
  drop_peer(peer);
}

static const struct adapter_events peer_events = {.open = on_sentinel_open,
                                                  .ended = on_sentinel_ended};

static void ask_peer(struct sentinel_peer *peer) {
  struct sentinel *sentinel = peer->sentinel;
  const struct redis_host *host = &sentinel->url->hosts[peer - sentinel->peers];
  struct adapter_target target = {
      .host = host->name, .port = host->port, .tls = sentinel->tls};
  if (peer->owed > SENTINEL_OWED)
    drop_peer(peer);
  peer->asked = true;
  if (peer->open)
    send_question(peer);
  else if (!peer->adapter)
    peer->adapter = adapter_new(sentinel->loop, &target, sentinel->timeout_ms,
                                &peer_events, peer);
}

/* The answers are there, or the time is over. */
static void on_sentinel_timer(uv_timer_t *timer) {
  struct sentinel *sentinel = timer->data;
  bool known = sentinel->answered > 0;
  for (size_t i = 0; i < sentinel->url->host_count; i++) {
    struct sentinel_peer *peer = &sentinel->peers[i];
    if (peer->asked && !peer->open)
      drop_peer(peer);
    peer->asked = false;
  }
  sentinel->asking = false;
  sentinel->answer(sentinel->arg, known ? sentinel->host : NULL, sentinel->port,
                   known ? "" : sentinel->why);
}

void sentinel_ask(struct sentinel *sentinel) {
  if (sentinel->asking)
    return;
  sentinel->asking = true;
  sentinel->answered = sentinel->failed = 0;
  snprintf(sentinel->why, sizeof sentinel->why, "no Sentinel has answered");
  uv_timer_start(&sentinel->timer, on_sentinel_timer, sentinel->timeout_ms, 0);
  for (size_t i = 0; i < sentinel->url->host_count; i++)
    ask_peer(&sentinel->peers[i]);
}

struct sentinel *sentinel_new(uv_loop_t *loop, const struct redis_url *url,
                              SSL_CTX *tls, uint64_t timeout_ms,
                              sentinel_answer_fn *answer, void *arg) {
  struct sentinel *sentinel = mem_alloc(sizeof *sentinel);
  sentinel->loop = loop;
  sentinel->url = url;
  sentinel->tls = tls;
  sentinel->timeout_ms = timeout_ms;
  sentinel->answer = answer;
  sentinel->arg = arg;
  for (size_t i = 0; i < url->host_count; i++)
    sentinel->peers[i].sentinel = sentinel;
  uv_timer_init(loop, &sentinel->timer);
  sentinel->timer.data = sentinel;
  return sentinel;
}

static void on_sentinel_closed(uv_handle_t *handle) {
  mem_free(handle->data);
}

void sentinel_close(struct sentinel *sentinel) {
  if (!sentinel)
    return;
  for (size_t i = 0; i < sentinel->url->host_count; i++) {
    sentinel->peers[i].asked = false;
    drop_peer(&sentinel->peers[i]);
  }
  uv_close((uv_handle_t *)&sentinel->timer, on_sentinel_closed);
}
