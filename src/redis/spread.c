/* SPDX-License-Identifier: MIT
 * The places of a cluster: life, and how it is. */
#include "redis/spread.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "redis/peers.h"
#include "redis/secure.h"
#include "redis/spread_state.h"
#include "redis/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
  LOOK_MS = 100,    /* the least between two looks */
  MISSING_MS = 250, /* between two while something is missing */
  SEEDS_SAY_MS = 30000
};

/* --- nodes ---------------------------------------------------------------- */

static void on_node_up(void *arg) {
  spread_node_up(arg);
  spread_look_soon(((struct spread_node *)arg)->spread);
}

static void on_node_down(void *arg, const char *why) {
  (void)why; /* the link says it */
  spread_node_down(arg);
  spread_look_soon(((struct spread_node *)arg)->spread);
}

static const struct link_events node_events = {.up = on_node_up,
                                               .down = on_node_down,
                                               .subscribed =
                                                   spread_channel_subscribed,
                                               .message = spread_channel_heard,
                                               .taken = spread_channel_taken};

void spread_open_node(struct spread_node *node) {
  struct link_options options = node->spread->link;
  struct buf why = {0};
  options.url = node->spread->url_text;
  options.host = node->is.host;
  options.port = node->is.port;
  options.events = &node_events;
  options.arg = node;
  node->link = link_new(node->spread->loop, &options, &why);
  if (!node->link) /* the same options were checked */
    log_fatal("redis: %.*s", (int)why.len, why.data);
  buf_free(&why);
}

/* Those that have no slots any more, and owe no answers. The loop closes their
 * handles until the next tick. */
static void close_unused(struct spread *spread) {
  for (size_t i = 0; i < ATLAS_NODES; i++) {
    struct spread_node *node = &spread->nodes[i];
    struct link *link = node->link;
    if (!link || node->slots > 0 || link_status(link).commands > 0)
      continue;
    log_info("redis=%s has no slots of the cluster any more",
             link_status(link).server);
    atomic_fetch_and_explicit(&spread->up, ~(UINT64_C(1) << i),
                              memory_order_relaxed);
    spread->old[spread->old_count++] = link;
    link_close(link);
    node->link = NULL;
  }
}

static void free_old_links(struct spread *spread) {
  while (spread->old_count > 0)
    link_free(spread->old[--spread->old_count]);
}

/* --- how the cluster is --------------------------------------------------- */

static void on_view(void *arg, enum link_fate fate, const struct reply *reply) {
  struct spread_node *node = arg;
  node->asked = false;
  if (fate == LINK_ANSWERED && reply->kind == REPLY_TEXT &&
      !spread_learn(node->spread, reply->text, node->is.host))
    log_warn("redis=%s:%d has a strange answer to CLUSTER NODES", node->is.host,
             node->is.port);
}

static void on_state(void *arg, enum link_fate fate,
                     const struct reply *reply) {
  struct spread_node *node = arg;
  if (fate == LINK_ANSWERED && reply->kind == REPLY_TEXT &&
      !strstr(reply->text, "cluster_state:ok"))
    link_renew(node->link, "CLUSTERDOWN: it says that the cluster is down");
}

static void ask_node(struct spread_node *node) {
  const struct slice state[] = {word("CLUSTER"), word("INFO")};
  const struct slice view[] = {word("CLUSTER"), word("NODES")};
  if (!node->link || !link_is_up(node->link) || node->asked)
    return;
  node->asked = !link_command(node->link, view, 2, on_view, node) &&
                !link_command(node->link, state, 2, on_state, node);
}

static bool on_seed_view(void *arg, const struct redis_host *host,
                         const struct reply *reply) {
  return reply->kind == REPLY_TEXT &&
         spread_learn(arg, reply->text, host->name);
}

/* As a link does: each new reason at once, the same one now and then. */
static void say_missing(struct spread *spread) {
  uint64_t now = uv_now(spread->loop);
  if (strcmp(spread->said, spread->why) == 0 &&
      now - spread->said_ms < SEEDS_SAY_MS)
    return;
  spread->said_ms = now;
  snprintf(spread->said, sizeof spread->said, "%s", spread->why);
  log_warn("redis=%s cannot be used, trying again: %s", spread->server,
           spread->why);
}

static void on_seeds_over(void *arg, const char *why) {
  struct spread *spread = arg;
  if (spread->free_slots == 0) {
    spread->said[0] = '\0';
    return;
  }
  if (spread->free_slots == ATLAS_SLOTS)
    snprintf(spread->why, sizeof spread->why, "%s", why);
  else
    snprintf(spread->why, sizeof spread->why,
             "nobody has %zu of %d slots: see redis-cli --cluster check",
             spread->free_slots, ATLAS_SLOTS);
  say_missing(spread);
}

static void on_spread_tick(uv_timer_t *timer) {
  struct spread *spread = timer->data;
  bool whole = spread_is_whole(spread);
  uint64_t pause =
      spread->link.probe_ms ? spread->link.probe_ms : (uint64_t)LINK_PROBE_MS;
  spread->looking = false;
  spread->looked_ms = uv_now(spread->loop);
  free_old_links(spread);
  close_unused(spread);
  for (size_t i = 0; i < ATLAS_NODES; i++)
    ask_node(&spread->nodes[i]);
  if (whole)
    peers_rest(spread->seeds);
  else
    peers_ask(spread->seeds);
  if (!whole && pause > MISSING_MS)
    pause = MISSING_MS;
  uv_timer_start(&spread->tick, on_spread_tick, pause, 0);
}

void spread_look_soon(struct spread *spread) {
  uint64_t now = uv_now(spread->loop), next = spread->looked_ms + LOOK_MS;
  if (spread->looking || spread->closed)
    return;
  spread->looking = true;
  uv_timer_start(&spread->tick, on_spread_tick, next > now ? next - now : 0, 0);
}

/* --- the beginning -------------------------------------------------------- */

static void open_seeds(struct spread *spread) {
  static const struct peers_events events = {.answer = on_seed_view,
                                             .over = on_seeds_over};
  const char *fault = NULL;
  if (spread->url.tls)
    spread->tls = secure_new(spread->link.ca_file, &fault);
  struct peers_options options = {.url = &spread->url,
                                  .what = "node",
                                  .tls = spread->tls,
                                  .timeout_ms = spread->link.timeout_ms
                                                    ? spread->link.timeout_ms
                                                    : (uint64_t)LINK_TIMEOUT_MS,
                                  .question = {"CLUSTER", "NODES"},
                                  .events = &events,
                                  .arg = spread};
  spread->seeds = peers_new(spread->loop, &options);
  snprintf(spread->server, sizeof spread->server, "%.60s:%d",
           spread->url.hosts[0].name, spread->url.hosts[0].port);
  snprintf(spread->why, sizeof spread->why, "not connected yet");
}

struct spread *spread_new(uv_loop_t *loop, const char *url,
                          const struct shards_options *options) {
  struct spread *spread = mem_alloc(sizeof *spread);
  struct buf why = {0};
  spread->loop = loop;
  spread->url_text = mem_strdup(url);
  spread->link = options->link;
  spread->events = options->events;
  spread->arg = options->arg;
  if (redis_url_parse(url, strlen(url), &spread->url, &why) < 0)
    log_fatal("redis: %.*s", (int)why.len, why.data); /* it was checked */
  spread->atlas = mem_alloc(sizeof *spread->atlas);
  spread->free_slots = ATLAS_SLOTS;
  spread->down_since = uv_now(loop) + 1;
  list_init(&spread->later);
  for (size_t i = 0; i < ATLAS_SLOTS; i++) {
    list_init(&spread->slots[i].orders);
    list_init(&spread->slots[i].channels);
    list_init(&spread->slots[i].later);
    atomic_init(&spread->owner[i], ATLAS_NOBODY);
  }
  uv_timer_init(loop, &spread->tick);
  uv_timer_init(loop, &spread->retry);
  spread->tick.data = spread->retry.data = spread;
  open_seeds(spread);
  uv_timer_start(&spread->tick, on_spread_tick, 0, 0);
  return spread;
}

/* --- use ------------------------------------------------------------------ */

size_t spread_find(const char *name, size_t len) {
  char tag[SHARDS_TAG_BYTES];
  shards_tag(name, len, tag);
  return atlas_slot(tag, SHARDS_TAG_BYTES - 1);
}

bool spread_is_there(const struct spread *spread, size_t slot) {
  return spread_has(spread, spread_owner(spread, slot));
}

size_t spread_home(const struct spread *spread, size_t slot) {
  return spread_owner(spread, slot);
}

bool spread_is_whole(const struct spread *spread) {
  return atomic_load_explicit(&spread->whole, memory_order_relaxed);
}

static const struct spread_node *spread_node_at(const struct spread *spread,
                                                size_t at) {
  for (size_t i = 0; i < ATLAS_NODES; i++)
    if (spread->nodes[i].link && at-- == 0)
      return &spread->nodes[i];
  return NULL;
}

int spread_command_at(struct spread *spread, size_t at,
                      const struct slice *words, size_t count,
                      link_answer_fn *done, void *arg) {
  const struct spread_node *node = spread_node_at(spread, at);
  return node ? link_command(node->link, words, count, done, arg) : ERR_CLOSED;
}

/* The slots that nobody has are one more. */
size_t spread_count(const struct spread *spread) {
  size_t count = spread->free_slots > 0;
  for (size_t i = 0; i < ATLAS_NODES; i++)
    count += spread->nodes[i].link != NULL;
  return count;
}

struct link_status spread_status(const struct spread *spread, size_t at) {
  const struct spread_node *node = spread_node_at(spread, at);
  if (node)
    return link_status(node->link);
  return (struct link_status){.server = spread->server,
                              .why = spread->why,
                              .down_since = spread->down_since};
}

const struct link_counters *spread_counters(const struct spread *spread,
                                            size_t at) {
  static const struct link_counters none;
  const struct spread_node *node = spread_node_at(spread, at);
  return node ? link_counters(node->link) : &none;
}

/* --- the end -------------------------------------------------------------- */

void spread_close(struct spread *spread) {
  if (spread->closed)
    return;
  spread->closed = true;
  peers_close(spread->seeds);
  uv_close((uv_handle_t *)&spread->tick, NULL);
  uv_close((uv_handle_t *)&spread->retry, NULL);
  for (size_t i = 0; i < ATLAS_NODES; i++)
    link_close(spread->nodes[i].link);
  spread_drop_orders(spread);
}

void spread_free(struct spread *spread) {
  free_old_links(spread);
  for (size_t i = 0; i < ATLAS_NODES; i++)
    link_free(spread->nodes[i].link);
  spread_drop_channels(spread);
  redis_url_free(&spread->url);
  secure_free(spread->tls);
  explicit_bzero(spread->url_text, strlen(spread->url_text));
  mem_free(spread->url_text);
  mem_free(spread->atlas);
  mem_free(spread);
}
