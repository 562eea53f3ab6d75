/* SPDX-License-Identifier: MIT
 * How a link comes up, and what is done when it breaks.
 *
 *   WAITING → (ASKING →) CONNECTING → PROVING → UP
 *      ↑__________________________________________|
 *
 * Whatever breaks leads back to WAITING, with both connections closed. The
 * pause before an attempt is drawn from the whole of a span that doubles up to
 * REACH_PAUSE_MS: so ten machines that lost the same Redis do not come back as
 * one. */
#include "redis/reach.h"

#include "base/log.h"
#include "redis/adapter.h"
#include "redis/link_state.h"
#include "redis/proof.h"
#include "redis/sentinel.h"
#include "redis/words.h"

#include <stdio.h>
#include <string.h>

enum {
  REACH_FIRST_MS = 100,
  REACH_PAUSE_MS = 5000,
  REACH_SAY_MS = 30000 /* the same line again */
};

static void on_reach_timer(uv_timer_t *timer);

static void reach_set_state(struct link *link, enum link_state state) {
  link->state = state;
}

/* --- down --- */

static uint64_t draw_pause(struct link *link) {
  uint64_t span = REACH_FIRST_MS, number = 0;
  for (unsigned i = 0; i < link->tries && span < REACH_PAUSE_MS; i++)
    span *= 2;
  if (uv_random(NULL, NULL, &number, sizeof number, 0, NULL) < 0)
    number = uv_hrtime();
  return number % (span < REACH_PAUSE_MS ? span : REACH_PAUSE_MS);
}

/* Each new reason is logged at once, the same one now and then. */
static void say_down(struct link *link, bool was_up) {
  uint64_t now = uv_now(link->loop);
  if (!was_up && strcmp(link->said, link->why) == 0 &&
      now - link->said_at < REACH_SAY_MS)
    return;
  link->said_at = now;
  snprintf(link->said, sizeof link->said, "%s", link->why);
  log_warn("redis=%s %s: %s", link->server,
           was_up ? "down, connecting anew" : "cannot be used, trying again",
           link->why);
}

static void drop_end(struct link_end *end) {
  struct adapter *adapter = end->adapter;
  end->adapter = NULL;
  end->ready = false;
  adapter_close(adapter);
}

void reach_lose(struct link *link, const char *why) {
  bool was_up = link->state == LINK_UP;
  if (link->state == LINK_WAITING || link->state == LINK_CLOSED)
    return;
  reach_set_state(link, LINK_WAITING);
  link->failing = false;
  snprintf(link->why, sizeof link->why, "%s", why);
  if (link->down_since == 0)
    link->down_since = uv_now(link->loop) + 1;
  uv_prepare_stop(&link->flush);
  uv_timer_start(&link->timer, on_reach_timer, draw_pause(link), 0);
  link->tries++;
  say_down(link, was_up);
  drop_end(&link->command); /* answers those that wait: it may be closed now */
  drop_end(&link->subscriber);
  if (link->state == LINK_CLOSED)
    return;
  subs_lost(&link->subs);
  if (!was_up)
    return;
  link->counters.losses++;
  if (link->events->down)
    link->events->down(link->arg, link->why);
}

static void on_reach_tick(uv_timer_t *timer) {
  struct link *link = timer->data;
  char why[LINK_WHY_BYTES];
  if (!link->failing)
    return;
  snprintf(why, sizeof why, "%s", link->why);
  reach_lose(link, why);
}

void reach_fail(struct link *link, const char *why) {
  if (link->failing || link->state == LINK_WAITING ||
      link->state == LINK_CLOSED)
    return;
  link->failing = true;
  snprintf(link->why, sizeof link->why, "%s", why);
  uv_timer_start(&link->tick, on_reach_tick, 0, 0);
}

/* --- up --- */

static void on_flush(uv_prepare_t *prepare) {
  struct link *link = prepare->data;
  if (link->state != LINK_UP || !subs_due(&link->subs)) {
    uv_prepare_stop(prepare);
    return;
  }
  if (subs_tell(&link->subs, link->subscriber.adapter) < 0)
    reach_fail(link, "the connection is closed");
}

void reach_flush_soon(struct link *link) {
  if (link->state == LINK_UP && subs_due(&link->subs))
    uv_prepare_start(&link->flush, on_flush);
}

void reach_up(struct link *link) {
  struct login *login = &link->command.login;
  reach_set_state(link, LINK_UP);
  link->counters.connects++;
  link->why[0] = link->said[0] = '\0';
  link->up_since = uv_now(link->loop) + 1;
  link->down_since = 0;
  log_info("redis=%s up: version %s, %zu channels to subscribe to",
           link->server, *login->version ? login->version : "unknown",
           link->subs.wanted);
  if (login->evicts)
    log_warn("redis=%s its maxmemory-policy drops keys when it is full: set it "
             "to noeviction",
             link->server);
  uv_timer_start(&link->timer, on_reach_timer, link->probe_ms, link->probe_ms);
  reach_flush_soon(link);
  if (link->events->up)
    link->events->up(link->arg);
}

static void on_login(void *arg, struct login *login) {
  struct link_end *end = arg;
  struct link *link = end->link;
  if (login->why[0]) {
    if (login->error != REPLY_NO_ERROR)
      link->counters.errors[login->error]++;
    reach_fail(link, login->why);
    return;
  }
  end->ready = true;
  if (link->command.ready && link->subscriber.ready)
    reach_set_state(link, LINK_PROVING);
  proof_begin(link);
}

static void on_end_open(void *arg) {
  struct link_end *end = arg;
  if (login_start(&end->login, end->adapter, &end->options, on_login, end) < 0)
    reach_fail(end->link, "the connection is closed");
}

static void on_end_ended(void *arg, const char *why) {
  struct link_end *end = arg;
  struct link *link = end->link;
  /* The reason that was found first says more than "closed". */
  char text[LINK_WHY_BYTES];
  snprintf(text, sizeof text, "%s", link->failing ? link->why : why);
  reach_lose(link, text);
}

/* The node is well, and whoever gave the command knows what to do. */
static bool only_elsewhere(const struct link *link, const struct reply *reply) {
  return link->url.cluster && reply_is_elsewhere(reply);
}

static void on_end_pushed(void *arg, const struct reply *reply) {
  struct link_end *end = arg;
  struct link *link = end->link;
  link->pushes_came++;
  if (reply->kind == REPLY_ERROR)
    link->counters.errors[reply_error(reply)]++;
  if (reply->kind == REPLY_ERROR && !only_elsewhere(link, reply)) {
    reach_fail(link, reply->text);
    return;
  }
  if (proof_pushed(link, reply))
    return;
  struct subs_news news = subs_pushed(&link->subs, reply);
  if (news.event == SUBS_MESSAGE) {
    link->counters.messages++;
    link->counters.bytes_in += news.payload.len;
    if (link->events->message)
      link->events->message(link->arg, news.channel_arg, news.payload);
  } else if (news.event == SUBS_CONFIRMED && link->events->subscribed) {
    link->events->subscribed(link->arg, news.channel_arg);
  } else if (news.event == SUBS_TAKEN && link->events->taken) {
    link->events->taken(link->arg, news.channel_arg,
                        reply->kind == REPLY_ERROR ? reply->text : NULL);
  }
  reach_flush_soon(link);
}

static const struct adapter_events end_events = {
    .open = on_end_open, .ended = on_end_ended, .pushed = on_end_pushed};

static void connect_ends(struct link *link,
                         const struct adapter_target *target) {
  if (target->path)
    snprintf(link->server, sizeof link->server, "unix:%s", target->path);
  else
    snprintf(link->server, sizeof link->server, "%s:%d", target->host,
             target->port);
  reach_set_state(link, LINK_CONNECTING);
  uv_timer_start(&link->timer, on_reach_timer, link->timeout_ms, 0);
  link->command.adapter = adapter_new(link->loop, target, link->timeout_ms,
                                      &end_events, &link->command);
  link->subscriber.adapter = adapter_new(link->loop, target, link->timeout_ms,
                                         &end_events, &link->subscriber);
}

/* While the link is up they are asked, too, whether it is the right one. */
static void on_sentinels(void *arg, const char *host, int port,
                         const char *why) {
  struct link *link = arg;
  char text[LINK_WHY_BYTES];
  bool same = host && port == link->port && strcmp(host, link->host) == 0;
  if (link->state == LINK_ASKING && !host) {
    reach_lose(link, why);
  } else if (link->state == LINK_ASKING) {
    struct adapter_target target = {
        .host = host, .port = port, .tls = link->tls};
    snprintf(link->host, sizeof link->host, "%s", host);
    link->port = port;
    connect_ends(link, &target);
  } else if (link->state == LINK_UP && host && !same) {
    link->counters.switches++;
    snprintf(text, sizeof text, "the Sentinels name another master, %s:%d",
             host, port);
    reach_lose(link, text);
  }
}

static void attempt(struct link *link) {
  link->counters.attempts++;
  if (link->sentinel) {
    reach_set_state(link, LINK_ASKING);
    sentinel_ask(link->sentinel);
    return;
  }
  bool in_cluster = link->url.cluster;
  struct adapter_target target = {
      .host = in_cluster ? link->host : link->url.hosts[0].name,
      .port = in_cluster ? link->port : link->url.hosts[0].port,
      .path = link->url.path,
      .tls = link->tls};
  connect_ends(link, &target);
}

static void on_reach_timer(uv_timer_t *timer) {
  struct link *link = timer->data;
  if (link->state == LINK_WAITING) {
    attempt(link);
  } else if (link->state == LINK_UP) {
    if (link->sentinel)
      sentinel_ask(link->sentinel);
    proof_next(link);
  } else if (link->state == LINK_CONNECTING || link->state == LINK_PROVING) {
    reach_lose(link, "it did not answer in time");
  }
}

/* --- errors --- */

static void on_script_loaded(void *arg, const struct reply *reply, bool sent) {
  struct link *link = arg;
  (void)reply;
  (void)sent;
  link->loading_scripts = false;
}

/* Somebody has said SCRIPT FLUSH. */
static void load_scripts_again(struct link *link) {
  if (link->loading_scripts)
    return;
  link->loading_scripts = true;
  for (size_t i = 0; i < link->script_count; i++) {
    struct slice words[] = {word("SCRIPT"),
                            word("LOAD"),
                            {link->scripts[i].text, link->scripts[i].len}};
    buf_reset(&link->text, (size_t)64 * 1024);
    words_put(&link->text, words, ARRAY_SIZE(words));
    if (adapter_send(link->command.adapter, link->text.data, link->text.len,
                     on_script_loaded, link) < 0)
      return;
  }
}

static void say_error(struct link *link, enum reply_error error,
                      const char *text) {
  uint64_t now = uv_now(link->loop) + 1, *said = &link->error_said_at[error];
  if (*said != 0 && now - *said < REACH_SAY_MS)
    return;
  *said = now;
  log_warn("redis=%s answers %s (%s); %llu such answers so far", link->server,
           text, reply_error_help(error),
           (unsigned long long)link->counters.errors[error]);
}

void reach_error(struct link *link, const struct reply *reply) {
  enum reply_error error = reply_error(reply);
  link->counters.errors[error]++;
  if (only_elsewhere(link, reply))
    return;
  say_error(link, error, reply->text);
  switch (error) {
  case REPLY_CLUSTERDOWN:
  case REPLY_LOADING:
  case REPLY_READONLY:
  case REPLY_MASTERDOWN:
  case REPLY_NOAUTH:
  case REPLY_WRONGPASS:
    reach_fail(link, reply->text); /* another server, or this one later */
    break;
  case REPLY_NOSCRIPT:
    load_scripts_again(link);
    break;
  default: /* the caller of the command knows best */
    break;
  }
}

/* --- the beginning and the end --- */

static void init_end(struct link *link, struct link_end *end, bool subscriber) {
  end->link = link;
  end->options = (struct login_options){.url = &link->url,
                                        .name = link->name,
                                        .subscriber = subscriber,
                                        .scripts = link->scripts,
                                        .script_count = link->script_count};
}

void reach_init(struct link *link) {
  init_end(link, &link->command, false);
  init_end(link, &link->subscriber, true);
  uv_timer_init(link->loop, &link->timer);
  uv_timer_init(link->loop, &link->tick);
  uv_prepare_init(link->loop, &link->flush);
  link->timer.data = link->tick.data = link->flush.data = link;
  link->down_since = uv_now(link->loop) + 1;
  snprintf(link->why, sizeof link->why, "not connected yet");
  if (link->url.master)
    link->sentinel = sentinel_new(link->loop, &link->url, link->tls,
                                  link->timeout_ms, on_sentinels, link);
  uv_timer_start(&link->timer, on_reach_timer, 0, 0);
}

void reach_close(struct link *link) {
  reach_set_state(link, LINK_CLOSED);
  drop_end(&link->command);
  drop_end(&link->subscriber);
  sentinel_close(link->sentinel);
  uv_close((uv_handle_t *)&link->timer, NULL);
  uv_close((uv_handle_t *)&link->tick, NULL);
  uv_close((uv_handle_t *)&link->flush, NULL);
}
