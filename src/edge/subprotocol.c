/* SPDX-License-Identifier: MIT
 * Subprotocols of a handshake. */
#include "edge/subprotocol.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_BYTES = 160 }; /* of the names in a refusal */

/* Takes the next name off a list; false if none is left. Empty ones do not
 * count (RFC 9110, 5.6.1). */
static bool next_name(struct slice *list, struct slice *name) {
  while (list->len > 0) {
    const char *comma = memchr(list->at, ',', list->len);
    size_t len = comma ? (size_t)(comma - list->at) : list->len;
    *name = (struct slice){list->at, len};
    len += comma != NULL;
    *list = (struct slice){list->at + len, list->len - len};
    while (name->len > 0 && strchr(" \t", *name->at))
      *name = (struct slice){name->at + 1, name->len - 1};
    while (name->len > 0 && strchr(" \t", name->at[name->len - 1]))
      name->len--;
    if (name->len > 0)
      return true;
  }
  return false;
}

static bool is_spoken_here(char *const *ours, struct slice name) {
  for (; *ours; ours++)
    if (slice_equals(name, *ours))
      return true;
  return false;
}

/* Others than visible ASCII have no place in a name, nor in a line of ours. */
static void show(char *shown, struct slice name) {
  size_t len = strlen(shown);
  if (len + name.len + 2 >= SHOWN_BYTES)
    return;
  if (len > 0)
    shown[len++] = ',';
  for (size_t i = 0; i < name.len; i++)
    shown[len++] = name.at[i] > ' ' && name.at[i] <= '~' ? name.at[i] : '?';
  shown[len] = '\0';
}

static void explain(char *const *ours, const char *shown,
                    struct subprotocol *out) {
  char list[SHOWN_BYTES] = "";
  for (; *ours; ours++)
    show(list, (struct slice){*ours, strlen(*ours)});
  snprintf(out->words, sizeof out->words,
           "no such subprotocol is spoken here: Sec-WebSocket-Protocol is "
           "`%s`; %s%s%s\n",
           *shown ? shown : "too long",
           *list ? "take one of `" : "leave it out", list,
           *list ? "`, or none" : ", or list it in `subprotocols`");
}

bool subprotocol_choose(const struct request *request, char *const *ours,
                        struct subprotocol *out) {
  char shown[SHOWN_BYTES] = "";
  bool offered = false;
  out->name[0] = '\0';
  for (size_t i = 0; i < request->count; i++) {
    struct slice list = request->fields[i].value, one;
    if (!slice_is(request->fields[i].name, "sec-websocket-protocol"))
      continue;
    while (next_name(&list, &one)) {
      offered = true;
      if (is_spoken_here(ours, one))
        return slice_copy(one, out->name, sizeof out->name);
      show(shown, one);
    }
  }
  if (offered)
    explain(ours, shown, out);
  return !offered;
}
