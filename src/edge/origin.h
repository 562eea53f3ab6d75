/* SPDX-License-Identifier: MIT
 * Which pages may connect: compares the `Origin` header of browsers with the
 * option `origins`.
 *
 * A browser sends cookies and client certificates to any site that a page
 * names. The origin says whose page it was. Programs send no origin, and pass.
 */
#ifndef EDGE_ORIGIN_H
#define EDGE_ORIGIN_H

#include <stdbool.h>

/* `list` ends with NULL. An entry is an origin ("https://example.org"), one
 * with a wildcard for what stands before a domain ("https://" "*.example.org",
 * which does not mean example.org itself), or "*". An empty list allows only
 * pages of the host that was asked, the `Host` header. `origin` is empty when
 * there was no header. */
bool origin_allowed(char *const *list, const char *origin, const char *host);

/* Whether the origin is that of the console: the host that was asked, by a safe
 * name, and the port of `admin_listen`. */
bool origin_is_console(const char *admin_listen, const char *origin,
                       const char *host);

/* Whether a `Host` header is safe. A stranger can make a name of his own point
 * to this machine; to a browser his page and we are the same host then. An
 * address belongs to nobody's name server, so it is safe. So are localhost and
 * `own` (or NULL), compared without their ports. An empty text (no header, or
 * one that is too long for a name) is not. */
bool origin_host_is_safe(const char *host, const char *own);

#endif
