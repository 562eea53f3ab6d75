/* SPDX-License-Identifier: MIT
 * Which node of a cluster has which slot, as one of its nodes sees it. */
#include "redis/atlas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ATLAS_FIELDS = 8 };

/* --- slots ---------------------------------------------------------------- */

/* CRC-16/XMODEM, four bits at a time. */
static uint16_t crc16(const char *text, size_t len) {
  static const uint16_t table[16] = {
      0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
      0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
  unsigned crc = 0;
  for (size_t i = 0; i < len; i++) {
    unsigned byte = (unsigned char)text[i];
    crc = (crc << 4 & 0xffff) ^ table[crc >> 12 ^ byte >> 4];
    crc = (crc << 4 & 0xffff) ^ table[crc >> 12 ^ (byte & 15)];
  }
  return (uint16_t)crc;
}

size_t atlas_slot(const char *key, size_t len) {
  const char *open = memchr(key, '{', len);
  size_t rest = open ? len - (size_t)(open + 1 - key) : 0;
  const char *close = open ? memchr(open + 1, '}', rest) : NULL;
  if (close && close > open + 1)
    return crc16(open + 1, (size_t)(close - open - 1)) % ATLAS_SLOTS;
  return crc16(key, len) % ATLAS_SLOTS;
}

/* --- what nodes say ------------------------------------------------------- */

/* Up to the next blank or the end of the line. */
static struct slice next_field(const char **at) {
  *at += strspn(*at, " ");
  struct slice field = {*at, strcspn(*at, " \r\n")};
  *at += field.len;
  return field;
}

static bool field_has(struct slice field, const char *flag) {
  return memmem(field.at, field.len, flag, strlen(flag));
}

/* host:port */
static bool take_place(const char *text, size_t len,
                       char host[ATLAS_HOST_BYTES], int *port) {
  const char *colon = memrchr(text, ':', len);
  size_t host_len = colon ? (size_t)(colon - text) : 0;
  if (!colon || host_len >= ATLAS_HOST_BYTES)
    return false;
  memcpy(host, text, host_len);
  host[host_len] = '\0';
  *port = atoi(colon + 1);
  return *port > 0 && *port < 65536;
}

/* host:port@bus,name,aux=… */
static bool take_address(struct slice field, const char *from, bool tls,
                         struct atlas_node *node) {
  const char *comma = memchr(field.at, ',', field.len);
  size_t len = comma ? (size_t)(comma - field.at) : field.len;
  const char *bus = memchr(field.at, '@', len);
  if (!take_place(field.at, bus ? (size_t)(bus - field.at) : len, node->host,
                  &node->port))
    return false;
  struct slice name = {"", 0};
  if (comma) {
    name.at = comma + 1;
    name.len = field.len - len - 1;
    const char *end = memchr(name.at, ',', name.len);
    if (end)
      name.len = (size_t)(end - name.at);
  }
  if (tls && name.len > 0 && !memchr(name.at, '=', name.len))
    snprintf(node->host, sizeof node->host, "%.*s", (int)name.len, name.at);
  else if (!*node->host)
    snprintf(node->host, sizeof node->host, "%s", from);
  return true;
}

/* 93, 0-5460; [93->-id] says that 93 is on its way. */
static void take_slots(struct atlas *atlas, struct slice field, uint8_t node) {
  char *end;
  if (*field.at == '[')
    return;
  unsigned long first = strtoul(field.at, &end, 10), last = first;
  if (end == field.at)
    return;
  if (*end == '-')
    last = strtoul(end + 1, &end, 10);
  for (unsigned long slot = first; slot <= last && slot < ATLAS_SLOTS; slot++)
    atlas->owner[slot] = node;
}

/* id address flags master ping pong epoch state slots… */
static bool read_node(struct atlas *atlas, const char **at, const char *from,
                      bool tls) {
  struct slice fields[ATLAS_FIELDS], slots;
  for (int i = 0; i < ATLAS_FIELDS; i++)
    fields[i] = next_field(at);
  if (fields[0].len != ATLAS_ID_BYTES - 1 || fields[7].len == 0)
    return false;
  if (field_has(fields[2], "myself"))
    memcpy(atlas->self, fields[0].at, ATLAS_ID_BYTES - 1);
  slots = next_field(at);
  struct atlas_node *node = &atlas->nodes[atlas->count];
  if (slots.len == 0 || !field_has(fields[2], "master") ||
      atlas->count == ATLAS_NODES ||
      !take_address(fields[1], from, tls, node)) {
    *at += strcspn(*at, "\n");
    return true;
  }
  memcpy(node->id, fields[0].at, ATLAS_ID_BYTES - 1);
  node->epoch = strtoull(fields[6].at, NULL, 10);
  for (; slots.len > 0; slots = next_field(at))
    take_slots(atlas, slots, (uint8_t)atlas->count);
  atlas->count++;
  return true;
}

bool atlas_read(struct atlas *atlas, const char *text, const char *from,
                bool tls) {
  memset(atlas, 0, sizeof *atlas);
  memset(atlas->owner, ATLAS_NOBODY, sizeof atlas->owner);
  while (*text) {
    if (!read_node(atlas, &text, from, tls))
      return false;
    text += strspn(text, "\r\n");
  }
  return *atlas->self;
}

bool atlas_has_replica(const char *text, const char *id) {
  while (*text) {
    struct slice own = next_field(&text);
    (void)next_field(&text);
    struct slice flags = next_field(&text);
    if (slice_is(own, id))
      return field_has(flags, "slave") && !field_has(flags, "fail");
    text += strcspn(text, "\n");
    text += strspn(text, "\r\n");
  }
  return false;
}

bool atlas_read_moved(const char *text, size_t *slot,
                      char host[ATLAS_HOST_BYTES], int *port) {
  static const char moved[] = "MOVED ";
  char *end;
  if (strncmp(text, moved, strlen(moved)) != 0)
    return false;
  *slot = strtoul(text + strlen(moved), &end, 10);
  if (*slot >= ATLAS_SLOTS || *end != ' ')
    return false;
  const char *place = end + 1;
  if (!take_place(place, strcspn(place, " \r\n"), host, port))
    return false;
  if (strcmp(host, "?") == 0)
    *host = '\0';
  return true;
}
