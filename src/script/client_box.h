/* SPDX-License-Identifier: MIT
 * A client object of scripts is a box. This is its form, for the files that
 * know it: lib_client is its life, client_fields and client_methods are what
 * scripts see of it, client_state is what goes to the next generation. */
#ifndef SCRIPT_CLIENT_BOX_H
#define SCRIPT_CLIENT_BOX_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

struct conn;

struct client_box {
  const char *kind;   /* what it is known by: script/kind.h */
  struct conn *conn;  /* NULL when it is over, or of another worker */
  uint64_t elsewhere; /* of another worker: the connection's number; else 0 */
  uint64_t machine;   /* where that is; 0: here */
  int worker;         /* that worker */
  bool named;         /* the user is known, and stands in FIELD_USER_ID */
};

/* The user values of a box are its fields, each nil until it was first read. So
 * a box is one block of memory, which matters with thousands of clients. */
enum field_place {
  FIELD_NOT_KEPT, /* of what changes */
  FIELD_USER_ID,
  FIELD_ID,
  FIELD_STATE,
  FIELD_CLAIMS,
  FIELD_IP,
  FIELD_CONNECTED_AT,
  FIELD_HEADERS,
  FIELD_IS_RAW,
  FIELD_COUNT = FIELD_IS_RAW
};

/* The box at `index`. Raises if there is no client. */
struct client_box *client_box_check(lua_State *L, int index);

/* What methods answer when the connection is over: nil, "closed". */
int client_box_closed(lua_State *L);

/* Gives the metatable on top its fields and its methods. */
void client_fields_set(lua_State *L);

/* Pushes a table with the methods. */
void client_methods_push(lua_State *L);

#endif
