/* SPDX-License-Identifier: MIT
 * Reading the PROXY protocol. */
#include "wire/preface.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

enum {
  LINE_BYTES_MAX = 107, /* of version 1, with CR LF */
  FIXED_BYTES = 16,     /* of version 2, before the addresses */
  VERSION_LOCAL = 0x20,
  VERSION_PROXY = 0x21,
  UNSPEC = 0x00,
  TCP_OVER_IPV4 = 0x11,
  TCP_OVER_IPV6 = 0x21,
  UNIX_STREAM = 0x31,
};

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
static const char word[] = "PROXY ";

/* Whether these bytes begin like that, as far as both go. */
static bool may_be_preface(const char *data, size_t len, const char *begin,
                           size_t begin_len) {
  return memcmp(data, begin, len < begin_len ? len : begin_len) == 0;
}

/* --- version 1 ---------------------------------------------------------- */

/* Cuts the text up to the next blank off; NULL if there is none. */
static char *take_preface_word(char **rest) {
  char *text = *rest, *blank = strchr(text, ' ');
  if (!blank)
    return NULL;
  *blank = '\0';
  *rest = blank + 1;
  return text;
}

/* 0 to 65535, without zeros in front. */
static bool is_port(const char *text) {
  size_t len = strlen(text);
  unsigned port = 0;
  if (len < 1 || len > 5 || strspn(text, "0123456789") != len ||
      (*text == '0' && len > 1))
    return false;
  for (; *text; text++)
    port = port * 10 + (unsigned)(*text - '0');
  return port <= 65535;
}

/* Behind the word, without CR LF. */
static enum preface_result read_line(char *line, struct preface *out) {
  unsigned char bytes[sizeof(struct in6_addr)];
  if (!strcmp(line, "UNKNOWN") || !strncmp(line, "UNKNOWN ", 8))
    return PREFACE_DONE;
  const char *kind = take_preface_word(&line), *from = take_preface_word(&line);
  const char *to = take_preface_word(&line),
             *from_port = take_preface_word(&line);
  if (!kind || !from || !to || !from_port || !is_port(from_port) ||
      !is_port(line))
    return PREFACE_BAD;
  int family = !strcmp(kind, "TCP4")   ? AF_INET
               : !strcmp(kind, "TCP6") ? AF_INET6
                                       : AF_UNSPEC;
  if (family == AF_UNSPEC || inet_pton(family, to, bytes) != 1 ||
      inet_pton(family, from, bytes) != 1 ||
      !inet_ntop(family, bytes, out->address, sizeof out->address))
    return PREFACE_BAD;
  return PREFACE_DONE;
}

static enum preface_result read_v1(const char *data, size_t len,
                                   struct preface *out) {
  char line[LINE_BYTES_MAX];
  size_t seen = len < LINE_BYTES_MAX ? len : LINE_BYTES_MAX;
  const char *end = memchr(data, '\n', seen);
  if (!end)
    return seen < LINE_BYTES_MAX ? PREFACE_MORE : PREFACE_BAD;
  out->len = (size_t)(end + 1 - data);
  size_t begin = sizeof word - 1, text = out->len - begin - 1;
  if (text < 1 || end[-1] != '\r' || memchr(data, 0, out->len))
    return PREFACE_BAD;
  memcpy(line, data + begin, text - 1);
  line[text - 1] = '\0';
  return read_line(line, out);
}

/* --- version 2 ---------------------------------------------------------- */

static size_t addresses_len(unsigned char kind) {
  return kind == TCP_OVER_IPV4 ? 12 : kind == TCP_OVER_IPV6 ? 36 : 216;
}

static enum preface_result read_addresses(const unsigned char *data,
                                          size_t values, struct preface *out) {
  unsigned char kind = data[13];
  if (data[12] == VERSION_LOCAL || kind == UNSPEC)
    return PREFACE_DONE;
  if (kind != TCP_OVER_IPV4 && kind != TCP_OVER_IPV6 && kind != UNIX_STREAM)
    return PREFACE_BAD;
  if (values < addresses_len(kind))
    return PREFACE_BAD;
  if (kind != UNIX_STREAM &&
      !inet_ntop(kind == TCP_OVER_IPV4 ? AF_INET : AF_INET6, data + FIXED_BYTES,
                 out->address, sizeof out->address))
    return PREFACE_BAD;
  return PREFACE_DONE;
}

static enum preface_result read_v2(const unsigned char *data, size_t len,
                                   struct preface *out) {
  if (len < FIXED_BYTES)
    return PREFACE_MORE;
  size_t values = (size_t)data[14] << 8 | data[15];
  out->len = FIXED_BYTES + values;
  if ((data[12] != VERSION_LOCAL && data[12] != VERSION_PROXY) ||
      out->len > PREFACE_BYTES_MAX)
    return PREFACE_BAD;
  return len < out->len ? PREFACE_MORE : read_addresses(data, values, out);
}

enum preface_result preface_read(const char *data, size_t len,
                                 struct preface *out) {
  *out = (struct preface){0};
  if (len == 0)
    return PREFACE_MORE;
  if (may_be_preface(data, len, word, sizeof word - 1))
    return len < sizeof word ? PREFACE_MORE : read_v1(data, len, out);
  if (may_be_preface(data, len, signature, sizeof signature - 1))
    return read_v2((const unsigned char *)data, len, out);
  return PREFACE_NONE;
}
