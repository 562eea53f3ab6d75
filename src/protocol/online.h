/* SPDX-License-Identifier: MIT
 * The hooks @online and @offline: a user has his first connection in the whole
 * process, or his last one has ended. */
#ifndef PROTOCOL_ONLINE_H
#define PROTOCOL_ONLINE_H

#include "protocol/client.h"

/* How many of these may wait for one user because a hook of his waits still. */
enum { ONLINE_WAITING_MAX = 64 };

/* The live generation is another one: users are noted from now on if it has one
 * of the hooks, and no more if it has none. */
void online_listen(struct protocol *protocol);

/* The worker ends: no user is noted here any more but those whose letters are
 * on their way; these are received now. The hooks are still called. */
void online_stop(struct protocol *protocol);

/* Notes that the user came or went; the hook is called by online_say. `id` is
 * copied. */
void online_note(struct protocol *protocol, const char *id, bool is_online);

/* Calls the hooks that are due. To be called at the end of each turn of the
 * loop, behind the farewells. Where that takes long, the rest stays for the
 * next turn. */
void online_say(struct protocol *protocol);

/* Whether hooks are due. */
bool online_has_more(const struct protocol *protocol);

/* No call of the hooks may be running. */
void online_free(struct protocol *protocol);

#endif
