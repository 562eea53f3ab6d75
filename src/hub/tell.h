/* SPDX-License-Identifier: MIT
 * What the backend hears of connections, users and rooms (events/events).
 *
 * With a bus, the whereabouts know who is the first and who the last in the
 * whole process, and tell it; without one, the manager does. All of these do
 * nothing where nobody listens. */
#ifndef HUB_TELL_H
#define HUB_TELL_H

#include <stdbool.h>

struct conn;
struct events;
struct manager;

/* The backend hears of this manager from now on. To be called before the first
 * connection, and behind manager_connect_bus. */
void tell_connect(struct manager *manager, struct events *events);

/* A user has his first connection in the process, or his last one has ended. */
void tell_of_user(struct events *events, const char *user, bool online);

/* The first connection has joined, or the last one has left. */
void tell_of_room(struct events *events, const char *room, bool occupied);

/* The connection was let in. Behind what is told of its user. */
void tell_connected(struct conn *conn);

/* It has closed: if it was told of, its end is. Before what is told of its
 * user. */
void tell_disconnected(struct conn *conn);

#endif
