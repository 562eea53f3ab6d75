/* SPDX-License-Identifier: MIT
 * The claims of a token.
 *
 * Only those that a rule names are ours. One of them that comes twice is
 * refused: nobody knows which one its author meant. All others are the
 * business of scripts; what our JSON reader does not take (auth/members) they
 * do not see, and it is no reason to refuse a token. */
#include "auth/claims.h"

#include "auth/members.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Later than this nothing is reckoned with. */
static const int64_t time_max = (int64_t)1 << 53;

enum { EXP, NBF, ISS, AUD, USER, SECOND, ROOT, WANTED };

/* ---- time ---- */

/* Whether `n` units are a time of our days: within half and twice the seconds
 * since 1970. */
static bool is_now(double n, double unit, int64_t now) {
  return n / unit > (double)now / 2 && n / unit < (double)now * 2;
}

const char *claims_read_time(const char *text, size_t len, int64_t now,
                             int64_t *seconds) {
  struct json_scan scan = {text, text + len};
  bool whole;
  if (json_scan_number(&scan, &whole) < 0 || scan.at != scan.end)
    return "exp or nbf is not a number";
  double n = json_to_double(text, len);
  if (is_now(n, 1e3, now))
    return "exp or nbf is in milliseconds, it must be in seconds";
  if (is_now(n, 1e6, now))
    return "exp or nbf is in microseconds, it must be in seconds";
  if (is_now(n, 1e9, now))
    return "exp or nbf is in nanoseconds, it must be in seconds";
  *seconds = n >= (double)time_max ? time_max : n <= 0 ? 0 : (int64_t)n;
  return NULL;
}

static const char *read_time(const struct member *member, int64_t now,
                             int64_t *seconds) {
  if (!member->seen)
    return NULL;
  if (!member->readable)
    return "exp or nbf is not a number";
  return claims_read_time(member->value, member->len, now, seconds);
}

static int check_times(const struct claim_rules *rules,
                       const struct member *members, int64_t now,
                       struct jwt_claims *out) {
  int64_t begin = 0, end = 0;
  out->why = read_time(&members[EXP], now, &end);
  if (!out->why)
    out->why = read_time(&members[NBF], now, &begin);
  if (!out->why && rules->require_exp && !members[EXP].seen)
    out->why = "there is no exp, and auth.require_exp demands one";
  if (out->why)
    return ERR_INVALID_TOKEN;
  out->why = "not yet valid";
  if (members[NBF].seen && begin > now + rules->leeway_s) {
    out->wait_s = begin - rules->leeway_s - now;
    return ERR_TOKEN_NOT_YET_VALID;
  }
  out->why = "expired";
  if (members[EXP].seen && end <= now - rules->leeway_s)
    return ERR_TOKEN_EXPIRED;
  out->expires = members[EXP].seen ? end : 0;
  return 0;
}

/* ---- for whom ---- */

static bool has_audience(const struct member *aud, const char *audience) {
  if (!aud->seen || !aud->readable)
    return false;
  struct json_scan scan = {aud->value, aud->value + aud->len};
  if (*aud->value != '[')
    return member_is_text(aud, audience);
  int more = json_enter(&scan, ']');
  while (more > 0) {
    struct member item = {.value = scan.at, .readable = true};
    if (json_skip_value(&scan, 2) < 0)
      return false;
    item.len = (size_t)(scan.at - item.value);
    if (member_is_text(&item, audience))
      return true;
    more = json_next(&scan, ']');
  }
  return false;
}

/* ---- who ---- */

/* Control characters would let a user id break log lines and terminals. */
static bool has_control(const char *text, size_t len) {
  const unsigned char *p = (const unsigned char *)text;
  for (size_t i = 0; i < len; i++)
    if (p[i] < 0x20 || p[i] == 0x7f ||
        (p[i] == 0xc2 && i + 1 < len && p[i + 1] >= 0x80 && p[i + 1] < 0xa0))
      return true;
  return false;
}

static int read_integer(const struct member *member, char *out, size_t cap,
                        const char **why) {
  struct json_scan scan = {member->value, member->value + member->len};
  int64_t n;
  bool whole;
  if (json_scan_number(&scan, &whole) < 0 || !whole)
    *why = "the user is neither a text nor an integer";
  else if (!json_to_int(member->value, member->len, &n))
    *why = "the user is an integer of more than 63 bits";
  else
    return snprintf(out, cap, "%lld", (long long)n);
  return -1;
}

/* The user id, to be freed with mem_free; or NULL and the reason. */
static char *claimed_user(const struct member *member, const char **why) {
  char text[6 * JWT_USER_BYTES + 1];
  int len;
  *why = "the user is neither a text nor an integer";
  if (!member->readable)
    return NULL;
  if (*member->value == '"')
    len = member_text(member, text, sizeof text);
  else if ((len = read_integer(member, text, sizeof text, why)) < 0)
    return NULL;
  if (len <= 0 || len > JWT_USER_BYTES)
    *why = "the user is empty or too long";
  else if (has_control(text, (size_t)len))
    *why = "the user has control characters";
  else
    return mem_strndup(text, (size_t)len);
  return NULL;
}

/* Follows the names behind the first dot of `path` into objects. */
static bool walk(struct member *at, const char *path) {
  char name[128];
  const char *dot = strchr(path, '.');
  while (dot) {
    const char *begin = dot + 1;
    dot = strchr(begin, '.');
    size_t len = dot ? (size_t)(dot - begin) : strlen(begin);
    struct member inner = {.name = name};
    if (len >= sizeof name || !at->readable)
      return false;
    memcpy(name, begin, len);
    name[len] = '\0';
    if (!members_find(at->value, at->len, &inner, 1, NULL) || inner.seen != 1)
      return false;
    *at = inner;
  }
  at->name = NULL; /* of ours */
  return true;
}

static char *read_user(const struct claim_rules *rules,
                       const struct member *members, const char **why) {
  *why = "no claim that names the user";
  if (members[USER].seen)
    return claimed_user(&members[USER], why);
  if (members[SECOND].seen)
    return claimed_user(&members[SECOND], why);
  struct member root = members[ROOT];
  if (!root.seen || !walk(&root, rules->user_claim))
    return NULL;
  return claimed_user(&root, why);
}

/* ---- all of it ---- */

static bool is_set(const char *text) {
  return text && text[0];
}

/* The member in which a nested user claim begins; NULL when it is not nested,
 * else to be freed. */
static char *root_of(const char *user_claim) {
  const char *dot = is_set(user_claim) ? strchr(user_claim, '.') : NULL;
  return dot ? mem_strndup(user_claim, (size_t)(dot - user_claim)) : NULL;
}

static int check_members(const struct claim_rules *rules,
                         const struct member *members, int64_t now,
                         struct jwt_claims *out) {
  size_t looked_at = members[USER].seen ? SECOND : WANTED;
  for (size_t i = 0; i < looked_at; i++)
    if (members[i].seen > 1) {
      out->why = "a claim that is checked comes twice";
      return ERR_INVALID_TOKEN;
    }
  int result = check_times(rules, members, now, out);
  if (result < 0)
    return result;
  out->why = "iss is not the required one";
  if (is_set(rules->issuer) &&
      !(members[ISS].seen && member_is_text(&members[ISS], rules->issuer)))
    return ERR_INVALID_TOKEN;
  out->why = "aud has not the required one";
  if (is_set(rules->audience) && !has_audience(&members[AUD], rules->audience))
    return ERR_INVALID_TOKEN;
  out->user = read_user(rules, members, &out->why);
  return out->user ? 0 : ERR_INVALID_TOKEN;
}

static char *readable_of(const char *json, size_t len, bool odd) {
  struct buf out = {0};
  if (!odd)
    return mem_strndup(json, len);
  members_put_readable(json, len, &out);
  buf_putc(&out, '\0');
  return out.data;
}

int claims_check(const struct claim_rules *rules, const char *json, size_t len,
                 int64_t now, struct jwt_claims *out) {
  bool own = is_set(rules->user_claim), odd;
  char *root = root_of(rules->user_claim);
  struct member members[WANTED] = {
      [EXP] = {.name = "exp"},
      [NBF] = {.name = "nbf"},
      [ISS] = {.name = is_set(rules->issuer) ? "iss" : NULL},
      [AUD] = {.name = is_set(rules->audience) ? "aud" : NULL},
      [USER] = {.name = own ? rules->user_claim : "sub"},
      [SECOND] = {.name = own ? NULL : "id"},
      [ROOT] = {.name = root},
  };
  int result = ERR_INVALID_TOKEN;
  out->why = "the claims are not base64 of a JSON object";
  if (members_find(json, len, members, WANTED, &odd))
    result = check_members(rules, members, now, out);
  mem_free(root);
  if (result == 0) {
    out->json = readable_of(json, len, odd);
    out->why = NULL;
  } else {
    out->expires = 0;
  }
  return result;
}

void jwt_claims_free(struct jwt_claims *claims) {
  mem_free(claims->user);
  mem_free(claims->json);
  *claims = (struct jwt_claims){0};
}

bool claims_say(const char *json, const char *name) {
  struct member member = {.name = name};
  return members_find(json, strlen(json), &member, 1, NULL) &&
         member.seen == 1 && member.len == strlen("true") &&
         memcmp(member.value, "true", member.len) == 0;
}
