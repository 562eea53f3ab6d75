/* SPDX-License-Identifier: MIT
 * Sending and presence for scripts: send_to_user, send_to_room, broadcast,
 * kick; is_online, devices, clients_of, users, members, rooms, count. */
#ifndef SCRIPT_LIB_SERVICE_H
#define SCRIPT_LIB_SERVICE_H

#include <lua.h>

/* Adds the functions to the table on top of the stack. */
void lib_service_open(lua_State *L);

#endif
