/* SPDX-License-Identifier: MIT
 * A request of plain HTTP, as a handler ["@http METHOD /path"] sees it. */
#ifndef SCRIPT_WEB_REQUEST_H
#define SCRIPT_WEB_REQUEST_H

#include "wire/slice.h"

#include <lua.h>

struct handler;

struct web_request {
  struct slice method;
  struct slice path;             /* decoded; UTF-8 */
  struct slice raw;              /* the path as it came */
  const struct handler *handler; /* whose path names parts of it, or not */
  struct slice target;           /* path and query, as they came */
  struct slice query;            /* as it came */
  struct slice ip;
  const char *headers; /* as headers_pack writes them; NULL: none */
  struct slice body;   /* any bytes */
  bool has_data;       /* the body is JSON, checked: it is decoded, too */
};

/* Pushes the table `request`. Raises only for lack of memory. */
void web_request_push(lua_State *L, const struct web_request *request);

#endif
