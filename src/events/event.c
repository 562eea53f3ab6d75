/* SPDX-License-Identifier: MIT
 * Events. */
#include "events/event.h"

#include "wire/json.h"

#include <string.h>

static const char *const stand_types[EVENT_STANDS][2] = {
    [EVENT_CLIENT] = {"client.disconnected", "client.connected"},
    [EVENT_ROOM] = {"room.vacated", "room.occupied"},
    [EVENT_USER] = {"user.offline", "user.online"},
};

const char *event_stand_type(enum event_stand stand, bool begins) {
  return stand_types[stand][begins];
}

bool event_type_is_ours(const char *type) {
  static const char *const ours[] = {"user.", "client.", "room."};
  for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
    if (!strncmp(type, ours[i], strlen(ours[i])))
      return true;
  return false;
}

const char *event_type_fault(const char *type, size_t len) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/";
  if (len == 0 || len > EVENT_TYPE_BYTES)
    return "a type has 1 to 128 bytes";
  if (strlen(type) < len || strspn(type, allowed) < len)
    return "a type has letters, digits and `-_.:/`";
  if (event_type_is_ours(type))
    return "types that begin with user., client. or room. are the server's own";
  return NULL;
}

void event_write(const struct event *event, const char *id, int64_t at_ms,
                 struct buf *out) {
  buf_printf(out, "{\"id\":\"%s\",\"at\":%lld,\"type\":", id, (long long)at_ms);
  json_put_string(out, event->type, strlen(event->type));
  if (event->user) {
    buf_puts(out, ",\"user\":");
    json_put_string(out, event->user, strlen(event->user));
  }
  if (event->traceparent)
    buf_printf(out, ",\"traceparent\":\"%s\"", event->traceparent);
  buf_puts(out, ",\"data\":");
  buf_put(out, event->data, event->data_len);
  buf_putc(out, '}');
}

static bool pattern_fits(const char *pattern, const char *type) {
  size_t len = strlen(pattern);
  if (len > 0 && pattern[len - 1] == '*')
    return strncmp(pattern, type, len - 1) == 0;
  return strcmp(pattern, type) == 0;
}

bool event_is_chosen(char *const *patterns, const char *type) {
  for (; *patterns; patterns++)
    if (pattern_fits(*patterns, type))
      return true;
  return false;
}
