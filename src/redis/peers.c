/* SPDX-License-Identifier: MIT
 * Asks all servers of a URL the same question at the same time. */
#include "redis/peers.h"

#include "base/buf.h"
#include "base/mem.h"
#include "redis/adapter.h"
#include "redis/words.h"

#include <stdio.h>
#include <string.h>

enum { PEERS_WHY_BYTES = 320, PEERS_OWED = 3 };

struct peer {
  struct peers *peers;
  struct adapter *adapter; /* NULL: none */
  bool open;
  bool asked; /* its answer is still to come */
  int owed;   /* questions since its last answer */
};

struct peers {
  uv_loop_t *loop;
  struct peers_options options;
  uv_timer_t timer; /* of the question */
  struct peer list[REDIS_HOSTS_MAX];
  bool asking;
  size_t answered, failed;
  char why[PEERS_WHY_BYTES];
};

static void on_peers_timer(uv_timer_t *timer);

static const struct redis_host *host_of_peer(const struct peer *peer) {
  return &peer->peers->options.url->hosts[peer - peer->peers->list];
}

/* Tells what is known, from the loop. */
static void finish_soon(struct peers *peers) {
  uv_timer_start(&peers->timer, on_peers_timer, 0, 0);
}

static void peer_over(struct peer *peer) {
  struct peers *peers = peer->peers;
  size_t count = peers->options.url->host_count;
  peer->asked = false;
  if (!peers->asking)
    return;
  if (peers->answered > count / 2 || peers->answered + peers->failed == count)
    finish_soon(peers);
}

static void peer_failed(struct peer *peer, const char *why) {
  struct peers *peers = peer->peers;
  const struct redis_host *host = host_of_peer(peer);
  if (!peer->asked)
    return;
  snprintf(peers->why, sizeof peers->why, "%s %s:%d: %s", peers->options.what,
           host->name, host->port, why);
  peers->failed++;
  peer_over(peer);
}

static void drop_peer(struct peer *peer) {
  struct adapter *adapter = peer->adapter;
  peer->adapter = NULL;
  peer->open = false;
  peer->owed = 0;
  adapter_close(adapter);
}

static void on_peer_answer(void *arg, const struct reply *reply, bool sent) {
  struct peer *peer = arg;
  struct peers *peers = peer->peers;
  (void)sent;
  if (reply)
    peer->owed = 0;
  if (!reply || !peer->asked)
    return; /* without a reply, on_peer_ended follows */
  if (!peers->options.events->answer(peers->options.arg, host_of_peer(peer),
                                     reply)) {
    peer_failed(peer,
                reply->kind == REPLY_ERROR ? reply->text : "a strange answer");
    return;
  }
  peers->answered++;
  peer_over(peer);
}

/* One without a password answers AUTH with an error, which does no harm. */
static int send_password(struct peer *peer) {
  const struct redis_url *url = peer->peers->options.url;
  struct slice auth[3] = {word("AUTH")};
  struct buf text = {0};
  size_t count = 1;
  if (!url->password)
    return 0;
  if (url->user)
    auth[count++] = word(url->user);
  auth[count++] = word(url->password);
  words_put(&text, auth, count);
  int rc = adapter_send(peer->adapter, text.data, text.len, NULL, NULL);
  explicit_bzero(text.data, text.len);
  buf_free(&text);
  return rc;
}

static void send_question(struct peer *peer) {
  const struct peers_options *options = &peer->peers->options;
  struct slice ask[ARRAY_SIZE(options->question)];
  struct buf text = {0};
  size_t count = 0;
  for (; count < ARRAY_SIZE(ask) && options->question[count]; count++)
    ask[count] = word(options->question[count]);
  words_put(&text, ask, count);
  peer->owed++;
  int rc = send_password(peer);
  if (rc == 0)
    rc = adapter_send(peer->adapter, text.data, text.len, on_peer_answer, peer);
  if (rc < 0)
    peer_failed(peer, "the connection is closed");
  buf_free(&text);
}

static void on_asked_open(void *arg) {
  struct peer *peer = arg;
  peer->open = true;
  if (peer->asked)
    send_question(peer);
}

static void on_peer_ended(void *arg, const char *why) {
  struct peer *peer = arg;
  peer_failed(peer, why);
  drop_peer(peer);
}

static const struct adapter_events peer_events = {.open = on_asked_open,
                                                  .ended = on_peer_ended};

static void ask_peer(struct peer *peer) {
  const struct peers_options *options = &peer->peers->options;
  struct adapter_target target = {.host = host_of_peer(peer)->name,
                                  .port = host_of_peer(peer)->port,
                                  .tls = options->tls};
  if (peer->owed > PEERS_OWED)
    drop_peer(peer);
  peer->asked = true;
  if (peer->open)
    send_question(peer);
  else if (!peer->adapter)
    peer->adapter = adapter_new(peer->peers->loop, &target, options->timeout_ms,
                                &peer_events, peer);
}

/* The answers are there, or the time is over. */
static void on_peers_timer(uv_timer_t *timer) {
  struct peers *peers = timer->data;
  for (size_t i = 0; i < peers->options.url->host_count; i++) {
    struct peer *peer = &peers->list[i];
    if (peer->asked && !peer->open)
      drop_peer(peer);
    peer->asked = false;
  }
  peers->asking = false;
  peers->options.events->over(peers->options.arg, peers->why);
}

void peers_ask(struct peers *peers) {
  if (peers->asking)
    return;
  peers->asking = true;
  peers->answered = peers->failed = 0;
  snprintf(peers->why, sizeof peers->why, "no %s has answered",
           peers->options.what);
  uv_timer_start(&peers->timer, on_peers_timer, peers->options.timeout_ms, 0);
  for (size_t i = 0; i < peers->options.url->host_count; i++)
    ask_peer(&peers->list[i]);
}

struct peers *peers_new(uv_loop_t *loop, const struct peers_options *options) {
  struct peers *peers = mem_alloc(sizeof *peers);
  peers->loop = loop;
  peers->options = *options;
  for (size_t i = 0; i < options->url->host_count; i++)
    peers->list[i].peers = peers;
  uv_timer_init(loop, &peers->timer);
  peers->timer.data = peers;
  return peers;
}

void peers_rest(struct peers *peers) {
  for (size_t i = 0; !peers->asking && i < peers->options.url->host_count; i++)
    drop_peer(&peers->list[i]);
}

static void on_peers_closed(uv_handle_t *handle) {
  mem_free(handle->data);
}

void peers_close(struct peers *peers) {
  if (!peers)
    return;
  for (size_t i = 0; i < peers->options.url->host_count; i++) {
    peers->list[i].asked = false;
    drop_peer(&peers->list[i]);
  }
  uv_close((uv_handle_t *)&peers->timer, on_peers_closed);
}
