/* SPDX-License-Identifier: MIT
 * The client object of scripts: a small box that outlives its connection. */
#ifndef SCRIPT_LIB_CLIENT_H
#define SCRIPT_LIB_CLIENT_H

#include <lua.h>
#include <stdint.h>

struct conn;
struct whereabouts_conn;
struct generation;

/* Registers the metatable and the table of clients. */
void lib_client_setup(lua_State *L);

/* Pushes the object of a connection: always the same one. May raise. */
void lib_client_push(lua_State *L, struct conn *conn);

/* Pushes an object for a connection of another worker: a new one each time,
 * with the fields that are the same everywhere. What a script does to it
 * happens at the other worker, a moment later. May raise. */
void lib_client_push_elsewhere(lua_State *L,
                               const struct whereabouts_conn *conn);

/* The open connection of the client at `index`; NULL if it is closed, or of
 * another worker. Raises if there is no client. */
struct conn *lib_client_check(lua_State *L, int index);

/* The number of the connection of the client at `index`, which may be of
 * another worker; 0 if it is closed. Raises if there is no client. */
uint64_t lib_client_id(lua_State *L, int index);

/* The connection is over: empties its box, and forgets it. Never raises. */
void lib_client_release(struct generation *generation, struct conn *conn);

/* The generation is out of use, and another thread will free it: empties all of
 * its boxes, so that no finalizer reaches a connection from there. Never
 * raises. */
void lib_client_release_all(struct generation *generation);

/* conn->claims, or its address and its headers, have become others: drops what
 * was read from the old ones. Never raises. */
void lib_client_forget_fields(struct generation *generation, struct conn *conn);

#endif
