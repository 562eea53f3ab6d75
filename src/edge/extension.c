/* SPDX-License-Identifier: MIT
 * permessage-deflate in the handshake. */
#include "edge/extension.h"

#include "base/log.h"
#include "edge/headers.h"
#include "edge/ws.h"

#include <string.h>

#define NAME  "permessage-deflate"
#define TERMS "; server_no_context_takeover; client_no_context_takeover"

enum {
  OFFERS_BYTES = 256, /* the library refuses longer ones */
  RSV1 = 0x40,
  MIN_BITS = 8,
  MAX_BITS = 15,
};

/* --- the library's side ------------------------------------------------- */

/* It echoes the options of this list that a client offers: none. */
static const struct lws_ext_options no_options[] = {{0}};

/* 0 for all it is asked: leave the bytes as they are. */
static int pass(struct lws_context *context, const struct lws_extension *ext,
                struct lws *wsi, enum lws_extension_callback_reasons reason,
                void *user, void *in, size_t len) {
  (void)context, (void)ext, (void)wsi, (void)user, (void)len;
  if (reason == LWS_EXT_CB_CONSTRUCT)
    *(const struct lws_ext_options **)in = no_options;
  return 0;
}

const struct lws_extension extension_list[] = {
    {.name = NAME, .callback = pass},
    {0},
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

int extension_confirm(struct lws *wsi, struct ws_session *session) {
  char offers[OFFERS_BYTES];
  session->deflate =
      headers_get(wsi, WSI_TOKEN_EXTENSIONS, offers, sizeof offers) &&
      extension_acceptable(offers);
  return session->deflate ? 0 : 1;
}

/* The library has no way to add what a client has not offered. The last line
 * so far is its answer: go back to the end of that. */
int extension_answer(const struct ws_session *session,
                     struct lws_process_html_args *args) {
  static const char line[] = "Sec-WebSocket-Extensions: " NAME "\r\n";
  static const char more[] = TERMS "\r\n";
  const size_t line_len = strlen(line), more_len = strlen(more);
  if (!session || !session->deflate)
    return 0;
  if (args->max_len < (int)more_len ||
      memcmp(args->p - line_len, line, line_len) != 0) {
    log_error("deflate.enabled does not work with this libwebsockets (%s)",
              lws_get_library_version());
    return -1;
  }
  memcpy(args->p - strlen("\r\n"), more, more_len);
  args->p += more_len - strlen("\r\n");
  return 0;
}

/* --- messages ----------------------------------------------------------- */

bool extension_note_part(struct lws *wsi, struct ws_session *session) {
  bool rsv1 = lws_get_reserved_bits(wsi) & RSV1;
  bool begins = !session->in_frame;
  session->in_frame = lws_remaining_packet_payload(wsi) > 0;
  if (lws_is_first_fragment(wsi))
    session->compressed = rsv1;
  else if (begins && rsv1)
    return false;
  return true;
}
