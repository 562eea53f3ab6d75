/* SPDX-License-Identifier: MIT
 * permessage-deflate in the handshake. */
#include "edge/extension.h"

#include "edge/headers.h"
#include "edge/ws.h"

#include <string.h>

#define NAME "permessage-deflate"

static const char answer[] =
    "Sec-WebSocket-Extensions: " NAME "; server_no_context_takeover"
    "; client_no_context_takeover\r\n";

enum {
  OFFERS_BYTES = 256, /* longer ones are declined */
  MIN_BITS = 8,
  MAX_BITS = 15,
};

/* --- offers ------------------------------------------------------------- */

struct text {
  const char *at;
  size_t len;
};

static bool is_space(char c) {
  return c == ' ' || c == '\t';
}

/* Takes what stands before `sep`, or all, from the front; without blanks. */
static struct text split(struct text *rest, char sep) {
  const char *found = memchr(rest->at, sep, rest->len);
  struct text head = {rest->at, found ? (size_t)(found - rest->at) : rest->len};
  size_t used = head.len + (found ? 1 : 0);
  rest->at += used;
  rest->len -= used;
  while (head.len > 0 && is_space(head.at[0]))
    head = (struct text){head.at + 1, head.len - 1};
  while (head.len > 0 && is_space(head.at[head.len - 1]))
    head.len--;
  return head;
}

static bool is(struct text text, const char *word) {
  return text.len == strlen(word) && !memcmp(text.at, word, text.len);
}

/* "8" to "15", as a token or quoted. */
static bool is_bits(struct text value) {
  int bits = 0;
  if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
    value = (struct text){value.at + 1, value.len - 2};
  if (value.len < 1 || value.len > 2 || value.at[0] == '0')
    return false;
  for (size_t i = 0; i < value.len; i++) {
    if (value.at[i] < '0' || value.at[i] > '9')
      return false;
    bits = bits * 10 + (value.at[i] - '0');
  }
  return bits >= MIN_BITS && bits <= MAX_BITS;
}

/* Each parameter once; `seen` has a bit for each. */
static bool take_parameter(struct text parameter, unsigned *seen) {
  static const char *const known[] = {"server_no_context_takeover",
                                      "client_no_context_takeover",
                                      "client_max_window_bits"};
  bool has_value = memchr(parameter.at, '=', parameter.len);
  struct text name = split(&parameter, '=');
  for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
    if (!is(name, known[i]))
      continue;
    if (*seen & 1U << i ||
        (has_value && (i < 2 || !is_bits(split(&parameter, '\0')))))
      return false;
    *seen |= 1U << i;
    return true;
  }
  return false;
}

static bool offer_acceptable(struct text offer) {
  unsigned seen = 0;
  if (!is(split(&offer, ';'), NAME))
    return false;
  while (offer.len > 0)
    if (!take_parameter(split(&offer, ';'), &seen))
      return false;
  return true;
}

bool extension_acceptable(const char *offers) {
  struct text rest = {offers, strlen(offers)};
  while (rest.len > 0)
    if (offer_acceptable(split(&rest, ',')))
      return true;
  return false;
}

/* --- the handshake ------------------------------------------------------ */

int extension_answer(struct lws *wsi, struct ws_session *session,
                     struct lws_process_html_args *args) {
  const int len = sizeof answer - 1;
  char offers[OFFERS_BYTES];
  if (!lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) ||
      !headers_get(wsi, WSI_TOKEN_EXTENSIONS, offers, sizeof offers) ||
      !extension_acceptable(offers))
    return 0;
  if (args->max_len < len)
    return -1;
  memcpy(args->p, answer, (size_t)len);
  args->p += len;
  session->deflate = true;
  return 0;
}
