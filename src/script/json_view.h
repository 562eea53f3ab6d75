/* SPDX-License-Identifier: MIT
 * Views: JSON that a script reads in place.
 *
 * A view stands for an array or an object. It keeps the text, and decodes of
 * it what is asked for: `view.room`, `view[3]`, `#view`, `pairs(view)`. What is
 * an array or an object in it is a view again. It cannot be written, so it is
 * sent as the bytes that it has. `view()` is a table of all of it. */
#ifndef SCRIPT_JSON_VIEW_H
#define SCRIPT_JSON_VIEW_H

#include "wire/json_look.h"

#include <lua.h>
#include <stddef.h>

/* What a view is made of: JSON without space around it, which has passed
 * json_look_over with this result. */
struct json_part {
  const char *text;
  size_t len;
  struct json_look look; /* or that of a value which it was a part of */
};

/* Makes the metatable of views in a Lua state. Returns its registry reference.
 */
int json_view_setup(lua_State *L);

/* Pushes a view of the text, which is copied; or the value itself, if that is
 * neither array nor object. `views` is what json_view_setup has returned.
 * Raises only for lack of memory. */
void json_view_push(lua_State *L, int views, struct json_part part);

/* What the view at `index` is made of, which lives as long as it; NULL: that is
 * no view. Allocates nothing. */
const struct json_part *json_view_at(lua_State *L, int index);

#endif
