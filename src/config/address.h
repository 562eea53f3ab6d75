/* SPDX-License-Identifier: MIT
 * Where something listens, as a text: `host:port`, `[ipv6]:port`, `:port`,
 * `unix:/path`. */
#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/* The path of a Unix socket, if the address is one: `unix:/run/p.sock`, or just
 * `/run/p.sock`; NULL for any other. */
const char *address_unix_path(const char *address);

/* Splits "host:port", "[ipv6]:port" or ":port" (empty host: every address).
 * Port 0 means a free one. Returns 0, or ERR_CONFIG when the text has another
 * form or the host does not fit `cap` bytes. */
MUST_CHECK int address_split(const char *text, char *host, size_t cap,
                             int *port);

/* Whether only this machine can reach an address of that form. */
bool address_is_local(const char *address);

#endif
