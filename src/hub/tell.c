/* SPDX-License-Identifier: MIT
 * What the backend hears of connections, users and rooms. */
#include "hub/tell.h"

#include "events/events.h"
#include "hub/manager.h"
#include "wire/json.h"

#include <string.h>

static void put_stand(struct events *events, enum event_stand stand,
                      bool begins, const char *key, const char *user,
                      const struct buf *data) {
  char id[EVENT_ID_BYTES];
  struct event event = {.type = event_stand_type(stand, begins),
                        .user = user,
                        .data = data->data,
                        .data_len = data->len,
                        .stand = stand,
                        .begins = begins,
                        .key = key};
  /* What does not fit any more is counted, and told in the log. */
  (void)events_put(events, &event, id);
}

void tell_of_user(struct events *events, const char *user, bool online) {
  struct buf data = {0};
  buf_puts(&data, "{}");
  put_stand(events, EVENT_USER, online, user, user, &data);
  buf_free(&data);
}

void tell_of_room(struct events *events, const char *room, bool occupied) {
  struct buf data = {0};
  buf_puts(&data, "{\"room\":");
  json_put_string(&data, room, strlen(room));
  buf_putc(&data, '}');
  put_stand(events, EVENT_ROOM, occupied, room, NULL, &data);
  buf_free(&data);
}

static void tell_conn(struct conn *conn, bool begins) {
  struct buf data = {0};
  char key[24];
  const char *reason = conn_close_reason(conn);
  snprintf(key, sizeof key, "%llu", (unsigned long long)conn->id);
  buf_printf(&data, "{\"conn\":%s,\"ip\":", key);
  json_put_string(&data, conn->address->text, strlen(conn->address->text));
  if (!begins) {
    buf_printf(&data, ",\"code\":%d,\"reason\":", conn->close_code);
    json_put_string(&data, reason, strlen(reason));
  }
  buf_putc(&data, '}');
  put_stand(manager_of(conn)->events, EVENT_CLIENT, begins, key,
            conn->user ? conn->user->id : NULL, &data);
  buf_free(&data);
}

void tell_connected(struct conn *conn) {
  if (!manager_of(conn)->events)
    return;
  conn->told = true;
  tell_conn(conn, true);
}

void tell_disconnected(struct conn *conn) {
  if (conn->told)
    tell_conn(conn, false);
}

static void on_first_or_last_member(void *arg, const char *room,
                                    bool occupied) {
  tell_of_room(arg, room, occupied);
}

static void on_first_or_last_device(void *arg, const char *user, bool online) {
  tell_of_user(arg, user, online);
}

void tell_connect(struct manager *manager, struct events *events) {
  manager->events = events;
  if (!events)
    return;
  manager->owner.tickets = events_tickets(events);
  if (manager->bus)
    whereabouts_tell(manager->bus->whereabouts, on_first_or_last_device,
                     on_first_or_last_member, events);
}
