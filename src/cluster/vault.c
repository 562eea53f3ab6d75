/* SPDX-License-Identifier: MIT
 * The store of scripts, kept in Redis.
 *
 * A value is a text there: an integer as its digits, so that Redis can count; a
 * float as `f` and its 8 bytes, lowest first; all else as `p` and the bytes
 * that the script has packed. */
#include "cluster/vault.h"

#include "base/err.h"
#include "base/mem.h"
#include "cluster/parcel.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  SCAN_KEYS = 1000, /* that Redis looks at for one command, */
  SCANS_MAX = 1000, /* and commands for each Redis */
  FLOAT_BYTES = 1 + 8,
  DIGITS_MAX = 20, /* of an integer, with its sign */
};

static const char any_tag[] = "{????????????????}"; /* of shards_tag */
static const char away[] = "Redis is not there";
static const char too_much[] = "too much is under way to Redis";
static const char unknown[] =
    "the connection to Redis broke: it may have been done, or not";

struct vault_call {
  enum far_verb verb;
  bool had, has;     /* `was`, `value` */
  bool again;        /* Redis has forgotten the script: with its text */
  size_t at;         /* of KEYS: which Redis is being looked through */
  size_t max, scans; /* of KEYS */
  size_t prefix_len; /* of its keys: how much of each is not the script's */
  uint64_t ttl_ms;
  struct buf key; /* in Redis; of KEYS a pattern */
  struct buf value, was, cursor;
  struct far_answer answer;
};

/* --- values ----------------------------------------------------------------
 */

static void put_stored(struct buf *out, const struct store_value *value) {
  uint64_t bits;
  switch (value->kind) {
  case STORE_INTEGER:
    buf_printf(out, "%" PRId64, value->integer);
    break;
  case STORE_FLOAT:
    memcpy(&bits, &value->number, sizeof bits);
    buf_putc(out, 'f');
    parcel_put_number(out, bits, 8);
    break;
  case STORE_BYTES:
    buf_putc(out, 'p');
    buf_put(out, value->bytes, value->len);
    break;
  }
}

static bool take_float(struct slice text, struct store_value *value) {
  uint64_t bits;
  struct slice rest = slice_after(text, 1);
  if (text.len != FLOAT_BYTES || !parcel_take_number(&rest, 8, &bits))
    return false;
  value->kind = STORE_FLOAT;
  memcpy(&value->number, &bits, sizeof bits);
  return true;
}

/* Only as put_stored writes it: a swap compares texts, and Redis counts with
 * nothing else. So "007" and "+7" are no numbers. */
static bool take_integer(struct slice text, struct store_value *value) {
  char digits[DIGITS_MAX + 1], again[DIGITS_MAX + 2];
  if (text.len == 0 || text.len > DIGITS_MAX)
    return false;
  memcpy(digits, text.at, text.len);
  digits[text.len] = 0;
  value->kind = STORE_INTEGER;
  value->integer = strtoll(digits, NULL, 10);
  snprintf(again, sizeof again, "%" PRId64, value->integer);
  return slice_equals(text, again);
}

/* The bytes are copied into the answer. False: it is no value of ours. */
static bool take_stored(struct slice text, struct far_answer *answer) {
  struct store_value *value = &answer->value;
  *value = (struct store_value){0};
  if (text.len > 0 && *text.at == 'f')
    return take_float(text, value);
  if (text.len == 0 || *text.at != 'p')
    return take_integer(text, value);
  buf_put(&answer->bytes, text.at + 1, text.len - 1);
  value->kind = STORE_BYTES;
  value->bytes = answer->bytes.data;
  value->len = answer->bytes.len;
  return true;
}

/* --- keys ------------------------------------------------------------------
 */

/* `tag`: as shards_tag; of all keys, a pattern. */
static void put_prefix(struct buf *out, const struct cluster *cluster,
                       const char *tag) {
  buf_printf(out, "%s:%s:s:", cluster->options.prefix, tag);
}

static void put_pattern(struct buf *out, struct store_key prefix) {
  for (size_t i = 0; i < prefix.len; i++) {
    if (prefix.bytes[i] && strchr("*?[]\\", prefix.bytes[i]))
      buf_putc(out, '\\');
    buf_putc(out, prefix.bytes[i]);
  }
  buf_putc(out, '*');
}

/* --- answers ---------------------------------------------------------------
 */

static void end_vault_call(struct engine_wait *wait, const char *why) {
  struct far_answer *answer = &wait->vault->answer;
  answer->err = why ? ERR_UNAVAILABLE : 0;
  answer->why = why;
  if (why)
    wait->cluster->counters.store_failed++;
  answer_wait(wait, answer->err);
}

/* Errors that have no name here are told in the words of Redis. */
static void refuse_vault_call(struct engine_wait *wait, enum reply_error error,
                              const struct reply *reply) {
  struct buf *words = &wait->vault->answer.bytes;
  if (error == REPLY_OTHER) {
    words->len = 0;
    buf_puts(words, "Redis: ");
    buf_put(words, reply->text, reply->len);
    buf_putc(words, 0);
  }
  end_vault_call(wait,
                 error == REPLY_OTHER ? words->data : reply_error_help(error));
}

static void send_vault_call(struct engine_wait *wait);

static void use_keys(struct engine_wait *wait, const struct reply *reply) {
  struct vault_call *call = wait->vault;
  struct reply cursor = reply_at(reply, 0), keys = reply_at(reply, 1);
  bool at_end = reply_is(&cursor, "0");
  for (size_t i = 0; i < keys.count; i++) {
    struct reply key = reply_at(&keys, i);
    uint16_t len = (uint16_t)(key.len - call->prefix_len);
    if (key.len <= call->prefix_len ||
        key.len - call->prefix_len > STORE_KEY_BYTES)
      continue; /* none of ours */
    buf_put(&call->answer.bytes, &len, sizeof len);
    buf_put(&call->answer.bytes, key.text + call->prefix_len, len);
    call->answer.count++;
  }
  call->cursor.len = 0;
  buf_put(&call->cursor, cursor.text, cursor.len);
  if (at_end && ++call->at >= shards_count(wait->cluster->shards)) {
    end_vault_call(wait, NULL);
    return;
  }
  call->scans = at_end ? 0 : call->scans + 1;
  call->answer.more =
      call->answer.count > call->max || call->scans == SCANS_MAX;
  if (call->answer.more)
    end_vault_call(wait, NULL);
  else
    send_vault_call(wait);
}

static void use_value(struct far_answer *answer, const struct reply *reply) {
  answer->strange =
      !take_stored((struct slice){reply->text, reply->len}, answer);
}

static void use_sum(struct far_answer *answer, const struct reply *reply) {
  struct reply problem = reply_at(reply, 0);
  answer->verdict = STORE_COUNTED;
  if (reply->kind == REPLY_LIST)
    answer->verdict = problem.number == 0 ? STORE_NOT_A_NUMBER : STORE_OVERFLOW;
  else
    use_value(answer, reply);
}

static void use_swap(struct engine_wait *wait, const struct reply *reply) {
  struct far_answer *answer = &wait->vault->answer;
  struct reply there = reply_at(reply, 0);
  answer->done = reply->kind == REPLY_NUMBER;
  answer->found = there.kind == REPLY_TEXT;
  if (answer->found)
    use_value(answer, &there);
  if (!answer->done)
    wait->cluster->counters.store_raced++;
}

static void use_reply(struct engine_wait *wait, const struct reply *reply) {
  struct far_answer *answer = &wait->vault->answer;
  switch (wait->vault->verb) {
  case FAR_KEYS:
    use_keys(wait, reply);
    return;
  case FAR_GET:
    answer->done = reply->kind == REPLY_TEXT;
    if (answer->done)
      use_value(answer, reply);
    break;
  case FAR_SET:
  case FAR_ADD:
    answer->done = reply->kind == REPLY_TEXT;
    break;
  case FAR_DELETE:
    answer->done = reply->number == 1;
    break;
  case FAR_INCR:
    use_sum(answer, reply);
    break;
  case FAR_SWAP:
    use_swap(wait, reply);
    break;
  }
  end_vault_call(wait, NULL);
}

static void on_vault_reply(void *arg, enum link_fate fate,
                           const struct reply *reply) {
  struct engine_wait *wait = arg;
  enum reply_error error =
      fate == LINK_ANSWERED ? reply_error(reply) : REPLY_NO_ERROR;
  if (fate != LINK_ANSWERED) {
    end_vault_call(wait, fate == LINK_NOT_SENT ? away : unknown);
  } else if (error == REPLY_NOSCRIPT && !wait->vault->again) {
    wait->vault->again = true;
    send_vault_call(wait);
  } else if (error != REPLY_NO_ERROR) {
    refuse_vault_call(wait, error, reply);
  } else {
    use_reply(wait, reply);
  }
}

/* --- commands --------------------------------------------------------------
 */

struct command {
  struct slice words[12];
  size_t count;
};

static void add_vault_word(struct command *command, struct slice word) {
  command->words[command->count++] = word;
}

static struct slice slice_of(const struct buf *buf) {
  return (struct slice){buf->len > 0 ? buf->data : "", buf->len};
}

static void add_vault_script(struct command *command,
                             const struct engine_wait *wait,
                             enum cluster_script script) {
  const struct cluster *cluster = wait->cluster;
  if (wait->vault->again) {
    add_vault_word(command, word("EVAL"));
    add_vault_word(command, (struct slice){cluster->scripts[script].text,
                                           cluster->scripts[script].len});
  } else {
    add_vault_word(command, word("EVALSHA"));
    add_vault_word(command, word(cluster->shas[script]));
  }
  add_vault_word(command, word("1"));
  add_vault_word(command, slice_of(&wait->vault->key));
}

static void add_vault_set(struct command *command,
                          const struct vault_call *call, const char *ttl) {
  add_vault_word(command, word("SET"));
  add_vault_word(command, slice_of(&call->key));
  add_vault_word(command, slice_of(&call->value));
  if (call->verb == FAR_ADD)
    add_vault_word(command, word("NX"));
  if (!*ttl)
    return;
  add_vault_word(command, word("PX"));
  add_vault_word(command, word(ttl));
}

static void add_vault_scan(struct command *command,
                           const struct vault_call *call, const char *count) {
  add_vault_word(command, word("SCAN"));
  add_vault_word(command,
                 call->cursor.len > 0 ? slice_of(&call->cursor) : word("0"));
  add_vault_word(command, word("MATCH"));
  add_vault_word(command, slice_of(&call->key));
  add_vault_word(command, word("COUNT"));
  add_vault_word(command, word(count));
}

static void add_vault_swap(struct command *command,
                           const struct engine_wait *wait, const char *ttl) {
  const struct vault_call *call = wait->vault;
  add_vault_script(command, wait, SCRIPT_STORE_SWAP);
  add_vault_word(command, word(call->had ? "1" : "0"));
  add_vault_word(command, slice_of(&call->was));
  add_vault_word(command, word(call->has ? "1" : "0"));
  add_vault_word(command, slice_of(&call->value));
  add_vault_word(command, word(ttl));
}

static int give_vault_command(struct engine_wait *wait,
                              const struct command *command) {
  const struct vault_call *call = wait->vault;
  struct shards *shards = wait->cluster->shards;
  if (call->verb == FAR_KEYS)
    return shards_command_at(shards, call->at, command->words, command->count,
                             on_vault_reply, wait);
  size_t place = shards_find(shards, wait->text, wait->len);
  return shards_command(shards, place, command->words, command->count,
                        on_vault_reply, wait);
}

static void send_vault_call(struct engine_wait *wait) {
  struct vault_call *call = wait->vault;
  struct command command = {.count = 0};
  char ttl[24] = "", looks[16];
  if (call->ttl_ms > 0)
    snprintf(ttl, sizeof ttl, "%" PRIu64, call->ttl_ms);
  snprintf(looks, sizeof looks, "%d", SCAN_KEYS);
  switch (call->verb) {
  case FAR_GET:
  case FAR_DELETE:
    add_vault_word(&command, word(call->verb == FAR_GET ? "GET" : "UNLINK"));
    add_vault_word(&command, slice_of(&call->key));
    break;
  case FAR_SET:
  case FAR_ADD:
    add_vault_set(&command, call, ttl);
    break;
  case FAR_INCR:
    add_vault_script(&command, wait, SCRIPT_STORE_INCR);
    add_vault_word(&command, slice_of(&call->value));
    add_vault_word(&command, word(ttl));
    break;
  case FAR_SWAP:
    add_vault_swap(&command, wait, ttl);
    break;
  case FAR_KEYS:
    add_vault_scan(&command, call, looks);
    break;
  }
  int err = give_vault_command(wait, &command);
  if (err)
    end_vault_call(wait, err == ERR_FULL ? too_much : away);
}

/* --- calls -----------------------------------------------------------------
 */

static void run_vault_call(struct cluster *cluster, struct order *order) {
  struct engine_wait *wait = container_of(order, struct engine_wait, order);
  cluster->counters.store_calls++;
  send_vault_call(wait);
}

static void name_vault_key(struct vault_call *call,
                           const struct cluster *cluster,
                           struct store_key key) {
  char tag[SHARDS_TAG_BYTES];
  shards_tag(key.bytes, key.len, tag);
  put_prefix(&call->key, cluster, call->verb == FAR_KEYS ? any_tag : tag);
  call->prefix_len = call->key.len;
  if (call->verb == FAR_KEYS)
    put_pattern(&call->key, key);
  else
    buf_put(&call->key, key.bytes, key.len);
}

struct engine_wait *ask_vault(struct engine *engine, int worker,
                              const struct far_call *wanted,
                              far_answered_fn *done, void *arg) {
  struct engine_wait *wait =
      new_wait(engine, worker, NAME_ALL, wanted->key.bytes, wanted->key.len);
  struct vault_call *call = mem_alloc(sizeof *call);
  call->verb = wanted->verb;
  call->had = wanted->was;
  call->has = wanted->value;
  call->max = wanted->max;
  call->ttl_ms = wanted->ttl_ms;
  name_vault_key(call, wait->cluster, wanted->key);
  if (wanted->value)
    put_stored(&call->value, wanted->value);
  if (wanted->was)
    put_stored(&call->was, wanted->was);
  wait->vault = call;
  wait->stored = done;
  wait->arg = arg;
  wait->order.run = run_vault_call;
  order_post_take(wait->cluster, &wait->order);
  return wait;
}

void vault_tell(struct engine_wait *wait) {
  wait->stored(wait->arg, &wait->vault->answer);
}

void vault_free(struct vault_call *call) {
  if (!call)
    return;
  buf_free(&call->key);
  buf_free(&call->value);
  buf_free(&call->was);
  buf_free(&call->cursor);
  buf_free(&call->answer.bytes);
  mem_free(call);
}
