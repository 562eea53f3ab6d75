/* SPDX-License-Identifier: MIT
 * permessage-deflate in the handshake. */
#include "edge/extension.h"

#include "base/attr.h"

#include <stdio.h>
#include <string.h>

#define NAME "permessage-deflate"

enum { MIN_BITS = 8 };

/* --- offers ------------------------------------------------------------- */

static bool is_space(char c) {
  return c == ' ' || c == '\t';
}

/* Takes what stands before `sep`, or all, from the front; without blanks. */
static struct slice split_offer(struct slice *rest, char sep) {
  const char *found = memchr(rest->at, sep, rest->len);
  struct slice head = {rest->at,
                       found ? (size_t)(found - rest->at) : rest->len};
  size_t used = head.len + (found ? 1 : 0);
  rest->at += used;
  rest->len -= used;
  while (head.len > 0 && is_space(head.at[0]))
    head = (struct slice){head.at + 1, head.len - 1};
  while (head.len > 0 && is_space(head.at[head.len - 1]))
    head.len--;
  return head;
}

/* "8" to "15", as a token or quoted; 0: it is no such number. */
static int read_bits(struct slice value) {
  int bits = 0;
  if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
    value = (struct slice){value.at + 1, value.len - 2};
  if (value.len < 1 || value.len > 2 || value.at[0] == '0')
    return 0;
  for (size_t i = 0; i < value.len; i++) {
    if (value.at[i] < '0' || value.at[i] > '9')
      return 0;
    bits = bits * 10 + (value.at[i] - '0');
  }
  return bits >= MIN_BITS && bits <= EXTENSION_BITS_MAX ? bits : 0;
}

enum {
  SERVER_NO_CONTEXT,
  CLIENT_NO_CONTEXT,
  CLIENT_BITS, /* may go without a value */
  SERVER_BITS, /* may not */
  PARAMETERS
};

/* Each parameter once; `seen` has a bit for each. */
static bool take_parameter(struct slice parameter, unsigned *seen,
                           int *server_bits) {
  static const char *const known[PARAMETERS] = {
      [SERVER_NO_CONTEXT] = "server_no_context_takeover",
      [CLIENT_NO_CONTEXT] = "client_no_context_takeover",
      [CLIENT_BITS] = "client_max_window_bits",
      [SERVER_BITS] = "server_max_window_bits"};
  bool has_value = memchr(parameter.at, '=', parameter.len);
  struct slice name = split_offer(&parameter, '=');
  unsigned which = 0;
  while (which < PARAMETERS && !slice_equals(name, known[which]))
    which++;
  if (which == PARAMETERS || *seen & 1U << which)
    return false;
  *seen |= 1U << which;
  if (which < CLIENT_BITS)
    return !has_value;
  int bits = has_value ? read_bits(split_offer(&parameter, '\0')) : 0;
  if (which == SERVER_BITS)
    *server_bits = bits;
  return bits > 0 || (which == CLIENT_BITS && !has_value);
}

/* The bits, 0 if it is not acceptable. */
static int read_offer(struct slice offer, bool *said) {
  unsigned seen = 0;
  int bits = EXTENSION_BITS_MAX;
  if (!slice_equals(split_offer(&offer, ';'), NAME))
    return 0;
  while (offer.len > 0)
    if (!take_parameter(split_offer(&offer, ';'), &seen, &bits))
      return 0;
  *said = seen & 1U << SERVER_BITS;
  return bits;
}

int extension_bits(struct slice offers, bool *said) {
  int bits = 0;
  while (offers.len > 0 && !bits)
    bits = read_offer(split_offer(&offers, ','), said);
  return bits;
}

/* --- the handshake ------------------------------------------------------ */

int extension_answer(const struct request *request, char out[EXTENSION_BYTES]) {
  static const char name[] = "sec-websocket-extensions";
  int bits = 0;
  bool said = false;
  for (size_t i = 0; i < request->count && !bits; i++)
    if (slice_is(request->fields[i].name, name))
      bits = extension_bits(request->fields[i].value, &said);
  if (!bits)
    return 0;
  int len =
      snprintf(out, EXTENSION_BYTES,
               "Sec-WebSocket-Extensions: " NAME "; server_no_context_takeover"
               "; client_no_context_takeover");
  if (said)
    len += snprintf(out + len, EXTENSION_BYTES - (size_t)len,
                    "; server_max_window_bits=%d", bits);
  snprintf(out + len, EXTENSION_BYTES - (size_t)len, "\r\n");
  return bits;
}
