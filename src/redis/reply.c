/* SPDX-License-Identifier: MIT
 * What Redis has answered, as a value that looks into the answer. */
#include "redis/reply.h"

#include "base/attr.h"

#include <hiredis/hiredis.h>
#include <string.h>

struct reply reply_view(const struct redisReply *answer) {
  struct reply reply = {.text = "", .inside = answer};
  if (!answer)
    return reply;
  switch (answer->type) {
  case REDIS_REPLY_INTEGER:
    reply.kind = REPLY_NUMBER;
    reply.number = answer->integer;
    break;
  case REDIS_REPLY_ERROR:
  case REDIS_REPLY_STRING:
  case REDIS_REPLY_STATUS:
    reply.kind = answer->type == REDIS_REPLY_ERROR ? REPLY_ERROR : REPLY_TEXT;
    reply.text = answer->str;
    reply.len = (size_t)answer->len;
    break;
  case REDIS_REPLY_ARRAY:
    reply.kind = REPLY_LIST;
    reply.count = answer->elements;
    break;
  default: /* nil; the other kinds are of a protocol that we do not speak */
    break;
  }
  return reply;
}

struct reply reply_at(const struct reply *list, size_t index) {
  return reply_view(index < list->count ? list->inside->element[index] : NULL);
}

static const struct error_word {
  const char *word, *help;
} error_words[] = {{"", ""},
#define REPLY_ERROR_WORD(name, word, help) {word, help},
                   REPLY_ERROR_MAP(REPLY_ERROR_WORD)
#undef REPLY_ERROR_WORD
};

const char *reply_error_word(enum reply_error error) {
  return error_words[error].word;
}

const char *reply_error_help(enum reply_error error) {
  return error_words[error].help;
}

/* Redis before 7 wraps what a script was told: "ERR Error running script (call
 * to f_…): @user_script:1: -OOM command not allowed …". */
static const char *innermost_error(const char *text) {
  static const char wrapped[] = "ERR Error running script";
  const char *inner =
      strncmp(text, wrapped, strlen(wrapped)) == 0 ? strstr(text, ": -") : NULL;
  return inner ? inner + strlen(": -") : text;
}

enum reply_error reply_error(const struct reply *reply) {
  if (reply->kind != REPLY_ERROR)
    return REPLY_NO_ERROR;
  const char *text = innermost_error(reply->text);
  size_t len = strcspn(text, " ");
  for (int i = REPLY_NO_ERROR + 1; i < REPLY_OTHER; i++)
    if (strlen(error_words[i].word) == len &&
        memcmp(error_words[i].word, text, len) == 0)
      return (enum reply_error)i;
  return REPLY_OTHER;
}

bool reply_is_elsewhere(const struct reply *reply) {
  switch (reply_error(reply)) {
  case REPLY_MOVED:
  case REPLY_ASK:
  case REPLY_TRYAGAIN:
    return true;
  case REPLY_CLUSTERDOWN:
    return strstr(reply->text, "slot not served");
  case REPLY_OTHER: /* a script that reads what is on its way */
    return strstr(reply->text, "access a non local key");
  default:
    return false;
  }
}

bool reply_is(const struct reply *reply, const char *text) {
  return reply->kind == REPLY_TEXT && reply->len == strlen(text) &&
         memcmp(reply->text, text, reply->len) == 0;
}
