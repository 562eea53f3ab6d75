/* SPDX-License-Identifier: MIT
 * Questions and answers. */
#include "cluster/question.h"

#include "base/err.h"
#include "base/mem.h"
#include "cluster/parcel.h"
#include "engine/news.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PATIENCE_MS = 3000 };

struct question {
  struct list node; /* in cluster->questions */
  struct engine_wait *wait;
  uint64_t id, until_ms;
  enum engine_subject subject;
  int64_t subscribers; /* of the channel; -1: not known */
  int64_t expected;    /* answers; -1: not known yet */
  int64_t answers;
  struct engine_news news;
};

/* --- answering
 * ---------------------------------------------------------------- */

static void put_text(struct buf *out, const char *text) {
  size_t len = text ? strlen(text) : 0;
  parcel_put_number(out, len, 4);
  buf_put(out, text, len);
}

static void put_answer_name(void *arg, const char *text) {
  put_text(arg, text);
}

static void put_answer_conn(void *arg, const struct whereabouts_conn *conn) {
  struct buf *out = arg;
  parcel_put_number(out, conn->id, 8);
  parcel_put_number(out, (uint64_t)conn->worker, 2);
  parcel_put_number(out, (uint64_t)conn->opened_s, 8);
  parcel_put_number(out, conn->raw, 1);
  put_text(out, conn->address);
  put_text(out, conn->claims);
}

static void put_answer(struct buf *out, const struct cluster *cluster,
                       enum engine_subject subject, struct slice name) {
  struct whereabouts *whereabouts = cluster->bus->whereabouts;
  uint32_t connections = 0;
  if (subject == ENGINE_MEMBERS)
    connections =
        whereabouts_count_room(whereabouts, name.at, name.len).connections;
  parcel_put_number(out, connections, 4);
  switch (subject) {
  case ENGINE_MEMBERS:
    whereabouts_each_member(whereabouts, name.at, name.len, put_answer_name,
                            out);
    break;
  case ENGINE_CONNS:
    whereabouts_each_conn(whereabouts, name.at, name.len, put_answer_conn, out);
    break;
  case ENGINE_USERS:
    whereabouts_each_user(whereabouts, put_answer_name, out);
    break;
  case ENGINE_ROOMS:
    whereabouts_each_room(whereabouts, put_answer_name, out);
    break;
  }
}

/* `A`, the question's number, our own, what it is about, and the answer. */
static void answer_question(struct name *name, uint64_t origin, uint64_t id,
                            enum engine_subject subject) {
  struct cluster *cluster = name->cluster;
  struct buf channel = {0}, text = {0};
  char target[SELF_BYTES];
  snprintf(target, sizeof target, "%016" PRIx64, origin);
  channel_put(&channel, cluster, NAME_NODE, target, SELF_BYTES - 1);
  buf_putc(&text, 'A');
  parcel_put_number(&text, id, 8);
  parcel_put_number(&text, cluster->self, 8);
  put_answer(&text, cluster, subject,
             (struct slice){name_text(name), name->len});
  const struct slice words[] = {publish_word(cluster),
                                {channel.data, channel.len},
                                {text.data, text.len}};
  size_t place = name_place(cluster, NAME_NODE, target, SELF_BYTES - 1);
  if (shards_command(cluster->shards, place, words, 3, NULL, NULL))
    cluster->counters.unsent++;
  buf_free(&channel);
  buf_free(&text);
}

/* --- what has been answered
 * ----------------------------------------------------- */

static void end_question(struct question *question, int err) {
  list_remove(&question->node);
  question->news.err = err;
  answer_wait(question->wait, err);
}

static void look_whether_all(struct question *question) {
  if (question->expected >= 0 && question->answers >= question->expected)
    end_question(question, 0);
}

static struct question *find_question(const struct cluster *cluster,
                                      uint64_t id) {
  LIST_FOREACH (it, &cluster->questions) {
    struct question *question = container_of(it, struct question, node);
    if (question->id == id)
      return question;
  }
  return NULL;
}

static bool take_text(struct slice *rest, struct slice *text) {
  uint64_t len;
  return parcel_take_number(rest, 4, &len) && parcel_take(rest, len, text);
}

static bool take_conn(struct slice *rest, uint64_t machine,
                      struct engine_news *news) {
  uint64_t id, worker, opened, raw;
  struct slice address, claims;
  if (!parcel_take_number(rest, 8, &id) ||
      !parcel_take_number(rest, 2, &worker) ||
      !parcel_take_number(rest, 8, &opened) ||
      !parcel_take_number(rest, 1, &raw) || !take_text(rest, &address) ||
      !take_text(rest, &claims))
    return false;
  char *address_text = mem_strndup(address.at, address.len);
  char *claims_text =
      claims.len > 0 ? mem_strndup(claims.at, claims.len) : NULL;
  news_add_conn(news, &(struct whereabouts_conn){.id = id,
                                                 .machine = machine,
                                                 .worker = (int)worker,
                                                 .address = address_text,
                                                 .claims = claims_text,
                                                 .opened_s = (int64_t)opened,
                                                 .raw = raw != 0});
  mem_free(address_text);
  mem_free(claims_text);
  return true;
}

static void use_answer(struct cluster *cluster, struct slice rest) {
  uint64_t id, machine, connections;
  struct slice name;
  if (!parcel_take_number(&rest, 8, &id) ||
      !parcel_take_number(&rest, 8, &machine) ||
      !parcel_take_number(&rest, 4, &connections))
    return;
  struct question *question = find_question(cluster, id);
  if (!question)
    return; /* it was given up */
  question->answers++;
  question->news.connections += (uint32_t)connections;
  if (question->subject == ENGINE_CONNS)
    while (rest.len > 0 && take_conn(&rest, machine, &question->news))
      continue;
  else
    while (rest.len > 0 && take_text(&rest, &name))
      news_add_name(&question->news, name.at, name.len);
  look_whether_all(question);
}

/* `Q`, what it is about, who asks, and the number. Our own comes back, too, and
 * was counted. */
static void use_question(struct name *name, struct slice rest) {
  uint64_t subject, origin, id;
  if (!parcel_take_number(&rest, 1, &subject) ||
      !parcel_take_number(&rest, 8, &origin) ||
      !parcel_take_number(&rest, 8, &id) || subject > ENGINE_ROOMS)
    return;
  if (origin != name->cluster->self) {
    answer_question(name, origin, id, (enum engine_subject)subject);
    return;
  }
  struct question *question = find_question(name->cluster, id);
  if (!question)
    return;
  question->answers++;
  look_whether_all(question);
}

bool question_heard(struct name *name, struct slice payload) {
  if (payload.len == 0 || (*payload.at != 'Q' && *payload.at != 'A'))
    return false;
  if (*payload.at == 'Q')
    use_question(name, slice_after(payload, 1));
  else
    use_answer(name->cluster, slice_after(payload, 1));
  return true;
}

/* --- asking
 * ------------------------------------------------------------------------ */

struct asked {
  struct cluster *cluster;
  uint64_t id;
};

static struct asked *new_asked(struct cluster *cluster, uint64_t id) {
  struct asked *asked = mem_alloc(sizeof *asked);
  *asked = (struct asked){cluster, id};
  return asked;
}

/* The channel, and how many have it. Where that may not be asked for, what
 * PUBLISH says counts. */
static void on_subscribers(void *arg, enum link_fate fate,
                           const struct reply *reply) {
  struct asked *asked = arg;
  struct question *question = find_question(asked->cluster, asked->id);
  if (question && fate == LINK_ANSWERED && reply->kind == REPLY_LIST &&
      reply->count == 2)
    question->subscribers = reply_at(reply, 1).number;
  mem_free(asked);
}

static void on_asked(void *arg, enum link_fate fate,
                     const struct reply *reply) {
  struct asked *asked = arg;
  struct question *question = find_question(asked->cluster, asked->id);
  if (question && fate == LINK_ANSWERED && reply->kind == REPLY_NUMBER) {
    bool strangers =
        question->subscribers >= 0 && question->subscribers < reply->number;
    question->expected = strangers ? question->subscribers : reply->number;
    look_whether_all(question);
  } else if (question) {
    end_question(question, ERR_UNAVAILABLE);
  }
  mem_free(asked);
}

/* PUBLISH also counts those who listen to a pattern, and who are no machine: an
 * operator who looks on (PSUBSCRIBE). Channels of a cluster know none. */
static void ask_for_subscribers(struct cluster *cluster, size_t place,
                                struct slice channel, uint64_t id) {
  const struct slice words[] = {word("PUBSUB"), word("NUMSUB"), channel};
  if (shards_are_slots(cluster->shards))
    return;
  struct asked *asked = new_asked(cluster, id);
  if (shards_command(cluster->shards, place, words, 3, on_subscribers, asked))
    mem_free(asked);
}

static enum name_kind kind_of_subject(enum engine_subject subject) {
  if (subject == ENGINE_MEMBERS)
    return NAME_ROOM;
  return subject == ENGINE_CONNS ? NAME_USER : NAME_ALL;
}

static void run_question(struct cluster *cluster, struct order *order) {
  struct engine_wait *wait = container_of(order, struct engine_wait, order);
  struct question *question = wait->question;
  struct buf channel = {0}, text = {0};
  question->id = ++cluster->question_ids;
  question->until_ms = uv_now(&cluster->loop) + PATIENCE_MS;
  list_push(&cluster->questions, &question->node);
  channel_put(&channel, cluster, wait->kind, wait->text, wait->len);
  buf_putc(&text, 'Q');
  parcel_put_number(&text, question->subject, 1);
  parcel_put_number(&text, cluster->self, 8);
  parcel_put_number(&text, question->id, 8);
  const struct slice words[] = {publish_word(cluster),
                                {channel.data, channel.len},
                                {text.data, text.len}};
  size_t place = name_place(cluster, wait->kind, wait->text, wait->len);
  ask_for_subscribers(cluster, place, words[1], question->id);
  struct asked *asked = new_asked(cluster, question->id);
  if (shards_command(cluster->shards, place, words, 3, on_asked, asked))
    on_asked(asked, LINK_NOT_SENT, NULL);
  buf_free(&channel);
  buf_free(&text);
}

struct engine_wait *ask_others(struct engine *engine, int worker,
                               enum engine_subject subject, const char *name,
                               size_t len, engine_news_fn *done, void *arg) {
  enum name_kind kind = kind_of_subject(subject);
  struct engine_wait *wait =
      new_wait(engine, worker, kind, kind == NAME_ALL ? "" : name,
               kind == NAME_ALL ? 0 : len);
  wait->question = mem_alloc(sizeof *wait->question);
  wait->question->wait = wait;
  wait->question->subject = subject;
  wait->question->subscribers = wait->question->expected = -1;
  list_init(&wait->question->node);
  wait->heard = done;
  wait->arg = arg;
  wait->order.run = run_question;
  order_post_take(wait->cluster, &wait->order);
  return wait;
}

void question_tell(struct engine_wait *wait) {
  wait->heard(wait->arg, &wait->question->news);
}

void question_tick(struct cluster *cluster) {
  LIST_FOREACH_SAFE (it, &cluster->questions) {
    struct question *question = container_of(it, struct question, node);
    if (uv_now(&cluster->loop) > question->until_ms)
      end_question(question, ERR_UNAVAILABLE);
  }
}

void question_free(struct question *question) {
  if (!question)
    return;
  list_remove(&question->node);
  news_clear(&question->news);
  mem_free(question);
}
