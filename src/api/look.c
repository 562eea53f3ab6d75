/* SPDX-License-Identifier: MIT
 * The calls that look: `user`, `rooms`, `room`.
 *
 * All of it stands in the whereabouts, and in presence: no worker is asked, so
 * that a busy one holds up nobody. */
#include "api/call.h"

#include "api/page.h"
#include "base/mem.h"
#include "wire/json.h"

#include <string.h>

enum { PAGE_NAMES = 100 };

static void put_name(struct buf *out, const char *name) {
  json_put_string(out, name, strlen(name));
}

/* --- a user ------------------------------------------------------------- */

/* Without its braces. */
static void put_device_members(struct buf *out,
                               const struct whereabouts_conn *conn) {
  buf_printf(out, "\"conn\":%llu,\"since\":%lld,\"ip\":",
             (unsigned long long)conn->id, (long long)conn->opened_s * 1000);
  put_name(out, conn->address);
  buf_printf(out, ",\"away\":%s,\"rooms\":[", conn->away ? "true" : "false");
  for (size_t i = 0; i < conn->room_count; i++) {
    if (i > 0)
      buf_putc(out, ',');
    put_name(out, conn->rooms[i]);
  }
  buf_putc(out, ']');
}

static void put_device(void *arg, const struct whereabouts_conn *conn) {
  struct buf *out = arg;
  bool first = out->data[out->len - 1] == '[';
  buf_puts(out, first ? "{" : ",{");
  put_device_members(out, conn);
  buf_putc(out, '}');
}

bool api_user(struct api_context *context, const struct api_args *args,
              struct buf *out, struct problem *problem) {
  struct slice user = args->text[API_ARG_USER];
  struct buf devices = {0};
  (void)problem;
  buf_putc(&devices, '[');
  whereabouts_each_device(context->bus->whereabouts, user.at, user.len,
                          put_device, &devices);
  buf_puts(out, "{\"user\":");
  json_put_string(out, user.at, user.len);
  buf_printf(out,
             ",\"online\":%s,\"devices\":", devices.len > 1 ? "true" : "false");
  buf_put(out, devices.data, devices.len);
  buf_puts(out, "]}");
  buf_free(&devices);
  return true;
}

struct device_wanted {
  uint64_t conn;
  struct buf *out; /* its members */
};

static void put_device_wanted(void *arg, const struct whereabouts_conn *conn) {
  const struct device_wanted *wanted = arg;
  if (conn->id == wanted->conn)
    put_device_members(wanted->out, conn);
}

bool api_conn(struct api_context *context, const struct api_args *args,
              struct buf *out, struct problem *problem) {
  struct buf device = {0};
  struct whereabouts *whereabouts = context->bus->whereabouts;
  struct device_wanted wanted = {(uint64_t)args->number[API_ARG_CONN], &device};
  char *user = whereabouts_owner_of(whereabouts, wanted.conn);
  if (user)
    whereabouts_each_device(whereabouts, user, strlen(user), put_device_wanted,
                            &wanted);
  bool found = device.len > 0;
  if (found) {
    buf_puts(out, "{\"user\":");
    put_name(out, user);
    buf_printf(out, ",%.*s}", (int)device.len, device.data);
  } else {
    problem_set(problem, ERR_NOT_FOUND,
                "no connection with this number is logged in at this machine");
  }
  buf_free(&device);
  mem_free(user);
  return found;
}

/* --- rooms -------------------------------------------------------------- */

static void begin_page(struct page *page, const struct api_args *args) {
  page_init(page, args->has & API_HAS(LIMIT)
                      ? (size_t)args->number[API_ARG_LIMIT]
                      : PAGE_NAMES);
  if (args->has & API_HAS(PREFIX))
    page->prefix = args->text[API_ARG_PREFIX];
  if (args->has & API_HAS(AFTER))
    page->after = args->text[API_ARG_AFTER];
}

static void put_room(struct api_context *context, const char *name, size_t len,
                     struct buf *out) {
  struct whereabouts_count count =
      whereabouts_count_room(context->bus->whereabouts, name, len);
  buf_puts(out, "{\"room\":");
  json_put_string(out, name, len);
  buf_printf(out, ",\"users\":%u,\"connections\":%u", count.users,
             count.connections);
}

bool api_rooms(struct api_context *context, const struct api_args *args,
               struct buf *out, struct problem *problem) {
  struct page page;
  (void)problem;
  begin_page(&page, args);
  whereabouts_each_room(context->bus->whereabouts, page_offer, &page);
  buf_puts(out, "{\"rooms\":[");
  for (size_t i = 0; i < page.count; i++) {
    if (i > 0)
      buf_putc(out, ',');
    put_room(context, page.names[i], strlen(page.names[i]), out);
    buf_putc(out, '}');
  }
  buf_printf(out, "],\"more\":%s}", page.more ? "true" : "false");
  page_free(&page);
  return true;
}

/* Of the members of this page, where the room keeps it. */
static void put_presence(struct api_context *context, struct slice room,
                         const struct page *page, struct buf *out) {
  static const char name[] = ",\"presence\":";
  char text[API_TEXT_BYTES + 1];
  size_t before = out->len;
  buf_puts(out, name);
  if (!slice_copy(room, text, sizeof text) ||
      !presence_put_some(context->presence, text, page->names, page->count,
                         out))
    out->len = before;
}

bool api_room(struct api_context *context, const struct api_args *args,
              struct buf *out, struct problem *problem) {
  struct slice room = args->text[API_ARG_ROOM];
  struct page page;
  (void)problem;
  begin_page(&page, args);
  whereabouts_each_member(context->bus->whereabouts, room.at, room.len,
                          page_offer, &page);
  put_room(context, room.at, room.len, out);
  buf_puts(out, ",\"members\":[");
  for (size_t i = 0; i < page.count; i++) {
    if (i > 0)
      buf_putc(out, ',');
    put_name(out, page.names[i]);
  }
  buf_printf(out, "],\"more\":%s", page.more ? "true" : "false");
  put_presence(context, room, &page, out);
  buf_putc(out, '}');
  page_free(&page);
  return true;
}
