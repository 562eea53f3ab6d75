/* SPDX-License-Identifier: MIT
 * What the members of a room are told.
 *
 * For each user there stands what they were told last. A user who has changed
 * stands in room->changed, once, however often he changes. When the message is
 * made he is compared with what they were told: if he is as he was, he is left
 * out.
 *
 * There is one exception. Somebody who has come meanwhile has not been told
 * what the others were: he got a list of those who were there at that moment.
 * If a user was in that list and is gone again, the others need not hear of it,
 * but the new one must. So a user who was shown in a list other than he was
 * told, or left out of one because he was not there, is told of in any case.
 * And who was left out because the list was full, is not known to the new one,
 * whatever he did. */
#include "engine/presence_room.h"

#include "base/mem.h"
#include "wire/json.h"
#include "wire/json_number.h"

#include <string.h>

static void begin_entry(struct buf *out) {
  if (out->len > 0)
    buf_putc(out, ',');
}

static void put_user(struct buf *out, const struct presence_user *user,
                     bool with_since) {
  buf_puts(out, "{\"user\":");
  json_put_string(out, user->id, strlen(user->id));
  buf_puts(out, ",\"devices\":");
  json_put_int(out, presence_devices(user));
  if (with_since) {
    buf_puts(out, ",\"since\":");
    json_put_int(out, user->since_s);
  }
  if (user->info) {
    buf_puts(out, ",\"info\":");
    buf_put(out, user->info->json, user->info->len);
  }
  buf_putc(out, '}');
}

static bool same_info(const struct presence_info *a,
                      const struct presence_info *b) {
  if (a == b)
    return true;
  return a && b && a->len == b->len && memcmp(a->json, b->json, a->len) == 0;
}

/* Whether the members know how he is. */
static bool is_as_told(const struct presence_user *user) {
  if (!presence_is_there(user))
    return !user->told;
  return user->told && user->told_devices == presence_devices(user) &&
         same_info(user->told_info, user->info);
}

/* Writes what the members must hear of the user; returns whether that is
 * anything. */
static bool tell_user(struct presence *presence,
                      const struct presence_user *user) {
  bool there = presence_is_there(user);
  if (is_as_told(user) && !user->misled) {
    presence->counted.cancelled++;
    return false;
  }
  if (there && !user->told) {
    begin_entry(&presence->joined);
    put_user(&presence->joined, user, false);
  } else if (there) {
    begin_entry(&presence->changed);
    put_user(&presence->changed, user, false);
  } else {
    begin_entry(&presence->left);
    json_put_string(&presence->left, user->id, strlen(user->id));
  }
  presence->counted.changes++;
  return true;
}

static void note_told(struct presence_user *user) {
  struct presence_info *before = user->told_info;
  user->told = true;
  user->misled = false;
  user->told_devices = presence_devices(user);
  user->told_info = presence_info_ref(user->info);
  presence_info_unref(before);
}

static size_t written(const struct presence *presence) {
  return presence->joined.len + presence->left.len + presence->changed.len;
}

/* As many users as one message takes; returns how many there are. */
static uint32_t tell_users(struct presence *presence,
                           struct presence_room *room) {
  uint32_t told = 0, most = presence->options.list_max;
  struct list *node;
  while (told < (most > 0 ? most : 1) &&
         written(presence) < PRESENCE_TEXT_BYTES &&
         (node = list_shift(&room->changed))) {
    struct presence_user *user =
        container_of(node, struct presence_user, changed);
    if (room->total > 0) /* else nobody is there to be told */
      told += tell_user(presence, user);
    if (presence_is_there(user))
      note_told(user);
    else
      presence_drop_user(user);
  }
  return told;
}

static void begin_message(struct buf *out, const struct presence_room *room) {
  buf_reset(out, PRESENCE_TEXT_BYTES);
  buf_puts(out, "{\"type\":\"presence\",\"room\":");
  json_put_string(out, room->name, strlen(room->name));
  buf_puts(out, ",\"data\":{");
}

static struct frame *end_message(struct presence *presence) {
  struct buf *out = &presence->text;
  buf_puts(out, "}}");
  presence->counted.messages++;
  return frame_new(FRAME_TEXT, out->data, out->len);
}

static void put_array(struct buf *out, const char *name,
                      const struct buf *entries) {
  buf_puts(out, name);
  buf_put(out, entries->data, entries->len);
  buf_putc(out, ']');
}

static struct frame *compose_users(struct presence *presence,
                                   struct presence_room *room) {
  buf_reset(&presence->joined, PRESENCE_TEXT_BYTES);
  buf_reset(&presence->left, PRESENCE_TEXT_BYTES);
  buf_reset(&presence->changed, PRESENCE_TEXT_BYTES);
  if (tell_users(presence, room) == 0)
    return NULL;
  begin_message(&presence->text, room);
  put_array(&presence->text, "\"joined\":[", &presence->joined);
  put_array(&presence->text, ",\"left\":[", &presence->left);
  put_array(&presence->text, ",\"changed\":[", &presence->changed);
  return end_message(presence);
}

static struct frame *compose_count(struct presence *presence,
                                   struct presence_room *room) {
  bool same = room->told_count == room->there && !room->misled;
  room->told_count = room->there;
  room->misled = false;
  if (same || room->total == 0)
    return NULL;
  begin_message(&presence->text, room);
  buf_printf(&presence->text, "\"count\":%u", room->there);
  presence->counted.changes++;
  return end_message(presence);
}

struct frame *presence_compose(struct presence *presence,
                               struct presence_room *room) {
  return room->how == RULE_PRESENCE_COUNT ? compose_count(presence, room)
                                          : compose_users(presence, room);
}

void presence_write_list(struct presence *presence, struct presence_room *room,
                         struct buf *out) {
  struct buf *list = &presence->text;
  uint32_t listed = 0;
  if (room->how == RULE_PRESENCE_COUNT) {
    room->misled = room->misled || room->there != room->told_count;
    buf_printf(out, "\"presence\":{\"count\":%u}", room->there);
    return;
  }
  buf_reset(list, PRESENCE_TEXT_BYTES);
  for (struct presence_user *user = room->users; user; user = user->hh.next) {
    if (listed == presence->options.list_max || list->len > PRESENCE_TEXT_BYTES)
      break;
    user->misled = user->misled || !is_as_told(user);
    if (!presence_is_there(user))
      continue;
    begin_entry(list);
    put_user(list, user, true);
    listed++;
  }
  put_array(out, "\"presence\":[", list);
  if (listed < room->there)
    buf_printf(out, ",\"more\":%u", room->there - listed);
}

void presence_write_users(const struct presence_room *room, struct buf *out) {
  const struct presence_user *user = room ? room->users : NULL;
  bool first = true;
  buf_putc(out, '[');
  for (; user; user = user->hh.next) {
    if (!presence_is_there(user))
      continue;
    if (!first)
      buf_putc(out, ',');
    put_user(out, user, true);
    first = false;
  }
  buf_putc(out, ']');
}

void presence_write_some(const struct presence_room *room, char *const *names,
                         size_t count, struct buf *out) {
  const char *comma = "";
  buf_printf(out, "{\"count\":%u", room->there);
  if (room->how == RULE_PRESENCE) {
    buf_puts(out, ",\"users\":[");
    for (size_t i = 0; i < count; i++) {
      const struct presence_user *user;
      HASH_FIND_STR(room->users, names[i], user);
      if (!user || !presence_is_there(user))
        continue;
      buf_puts(out, comma);
      put_user(out, user, true);
      comma = ",";
    }
    buf_putc(out, ']');
  }
  buf_putc(out, '}');
}
