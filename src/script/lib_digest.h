/* SPDX-License-Identifier: MIT
 * perigee.hmac, perigee.equal: signatures of webhooks. */
#ifndef SCRIPT_LIB_DIGEST_H
#define SCRIPT_LIB_DIGEST_H

#include <lua.h>

/* Adds its functions to the table on top of the stack. */
void lib_digest_open(lua_State *L);

#endif
