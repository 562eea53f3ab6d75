/* SPDX-License-Identifier: MIT
 * Module perigee.place: what lua/perigee/owner.lua has to know about this
 * worker. */
#ifndef SCRIPT_LIB_PLACE_H
#define SCRIPT_LIB_PLACE_H

#include <lua.h>

/* Pushes the module: `who`, a text that no other worker of any machine has;
 * `lease_s`; `is_one_store`, whether all machines have the same store; token(),
 * a text that comes once; clock(), seconds that go on while the machine sleeps.
 */
int lib_place_open(lua_State *L);

#endif
