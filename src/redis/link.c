/* SPDX-License-Identifier: MIT
 * A link to one Redis: commands and subscriptions. How it comes up and what is
 * done when it breaks is in redis/reach. */
#include "redis/link.h"

#include "base/err.h"
#include "base/mem.h"
#include "redis/adapter.h"
#include "redis/link_state.h"
#include "redis/proof.h"
#include "redis/reach.h"
#include "redis/secure.h"
#include "redis/words.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* A command that is under way. */
struct order {
  struct link *link;
  link_answer_fn *done;
  void *arg;
  size_t bytes;
};

static void on_order_answer(void *arg, const struct reply *reply, bool sent) {
  struct order *order = arg;
  struct link *link = order->link;
  link->commands--;
  link->bytes -= order->bytes;
  link->answers_came++;
  if (reply)
    link->counters.answers++;
  else if (sent)
    link->counters.unknown++;
  if (reply && reply->kind == REPLY_ERROR)
    reach_error(link, reply);
  if (order->done)
    order->done(order->arg,
                reply  ? LINK_ANSWERED
                : sent ? LINK_UNKNOWN
                       : LINK_NOT_SENT,
                reply);
  mem_free(order);
}

static bool link_has_room(const struct link *link, size_t bytes) {
  return link->commands < link->max_commands &&
         (link->commands == 0 || link->bytes + bytes <= link->max_bytes);
}

int link_command(struct link *link, const struct slice *words, size_t count,
                 link_answer_fn *done, void *arg) {
  buf_reset(&link->text, (size_t)64 * 1024);
  words_put(&link->text, words, count);
  return link_send(link, link->text.data, link->text.len, done, arg);
}

int link_send(struct link *link, const char *text, size_t len,
              link_answer_fn *done, void *arg) {
  bool is_up = link_is_up(link);
  if (!is_up || !link_has_room(link, len)) {
    link->counters.refused++;
    return is_up ? ERR_FULL : ERR_CLOSED;
  }
  struct order *order = mem_alloc_raw(sizeof *order);
  *order = (struct order){link, done, arg, len};
  if (adapter_send(link->command.adapter, text, len, on_order_answer, order) <
      0) {
    mem_free(order);
    link->counters.refused++;
    return ERR_CLOSED;
  }
  link->commands++;
  link->bytes += order->bytes;
  link->counters.commands++;
  link->counters.bytes_out += order->bytes;
  return 0;
}

/* --- subscriptions --- */

struct link_channel *link_subscribe(struct link *link, struct slice name,
                                    void *channel_arg) {
  struct link_channel *channel = subs_add(&link->subs, name, link, channel_arg);
  if (channel)
    reach_flush_soon(link);
  return channel;
}

void link_subscribe_again(struct link_channel *channel) {
  struct link *link = subs_link(channel);
  subs_again(&link->subs, channel);
  reach_flush_soon(link);
}

bool link_is_subscribed(const struct link_channel *channel) {
  return subs_confirmed(channel);
}

void link_unsubscribe(struct link_channel *channel) {
  if (!channel)
    return;
  struct link *link = subs_link(channel);
  subs_remove(&link->subs, channel);
  reach_flush_soon(link);
}

/* --- the beginning and the end --- */

void link_script_sha(const struct link_script *script,
                     char out[LINK_SHA_BYTES]) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  if (EVP_Digest(script->text, script->len, digest, &len, EVP_sha1(), NULL) !=
      1)
    len = 0;
  out[0] = '\0';
  for (unsigned i = 0; i < len && i < (LINK_SHA_BYTES - 1) / 2; i++)
    snprintf(out + (size_t)2 * i, 3, "%02x", digest[i]);
}

/* CLIENT SETNAME takes no blanks. */
static void set_link_name(struct link *link, const char *name) {
  snprintf(link->name, sizeof link->name, "perigee-%s", name ? name : "");
  for (char *at = link->name; *at; at++)
    if (!isgraph((unsigned char)*at))
      *at = '_';
}

/* What was read is in `url` and `tls` also on failure. */
static int read_link_url(const char *text, const char *ca_file,
                         struct redis_url *url, SSL_CTX **tls,
                         struct buf *why) {
  const char *fault = NULL;
  *tls = NULL;
  if (redis_url_parse(text, strlen(text), url, why) < 0)
    return ERR_CONFIG;
  if (url->tls)
    *tls = secure_new(ca_file, &fault);
  if (fault)
    buf_puts(why, fault);
  return fault ? ERR_CONFIG : 0;
}

int link_check(const char *text, const char *ca_file, struct buf *why) {
  struct redis_url url;
  SSL_CTX *tls;
  int rc = read_link_url(text, ca_file, &url, &tls, why);
  redis_url_free(&url);
  secure_free(tls);
  return rc;
}

static void discard_link(struct link *link) {
  redis_url_free(&link->url);
  secure_free(link->tls);
  subs_free(&link->subs);
  buf_free(&link->text);
  mem_free(link);
}

struct link *link_new(uv_loop_t *loop, const struct link_options *options,
                      struct buf *why) {
  static const struct link_events no_events;
  struct link *link = mem_alloc(sizeof *link);
  subs_init(&link->subs);
  if (read_link_url(options->url, options->ca_file, &link->url, &link->tls,
                    why) < 0) {
    discard_link(link);
    return NULL;
  }
  set_link_name(link, options->name);
  link->subs.sharded = link->url.cluster;
  if (link->url.cluster)
    snprintf(link->host, sizeof link->host, "%s", options->host);
  link->port = options->port;
  link->loop = loop;
  link->probe_ms = options->probe_ms ? options->probe_ms : LINK_PROBE_MS;
  link->timeout_ms =
      options->timeout_ms ? options->timeout_ms : LINK_TIMEOUT_MS;
  link->max_commands =
      options->max_commands ? options->max_commands : LINK_COMMANDS;
  link->max_bytes = options->max_bytes ? options->max_bytes : LINK_BYTES;
  link->scripts = options->scripts;
  link->script_count = options->script_count;
  link->events = options->events ? options->events : &no_events;
  link->arg = options->arg;
  proof_init(link, options->prefix ? options->prefix : "pg");
  reach_init(link);
  return link;
}

void link_renew(struct link *link, const char *why) {
  reach_fail(link, why);
}

bool link_is_up(const struct link *link) {
  return link->state == LINK_UP && !link->failing;
}

struct link_status link_status(const struct link *link) {
  return (struct link_status){.up = link_is_up(link),
                              .server = link->server,
                              .why = link->why,
                              .commands = link->commands,
                              .bytes = link->bytes,
                              .channels = link->subs.wanted,
                              .round_ns = link->round_ns,
                              .up_since = link->up_since,
                              .down_since = link->down_since};
}

const struct link_counters *link_counters(const struct link *link) {
  return &link->counters;
}

void link_close(struct link *link) {
  if (link && link->state != LINK_CLOSED)
    reach_close(link);
}

void link_free(struct link *link) {
  if (link)
    discard_link(link);
}
