/* SPDX-License-Identifier: MIT
 * Which pages may connect: the `Origin` header of browsers against the
 * option `origins`.
 *
 * A browser sends cookies and client certificates to any site that a page
 * names; the origin says whose page it was. Programs send none and pass. */
#ifndef EDGE_ORIGIN_H
#define EDGE_ORIGIN_H

#include <stdbool.h>

/* `list` ends with NULL. An entry is an origin ("https://example.org"), one
 * with a wildcard for what stands before a domain ("https://" "*.example.org",
 * which does not mean example.org itself), or "*". An empty list allows only
 * pages of the host that was asked, the `Host` header. `origin` is empty when
 * there was no header. */
bool origin_allowed(char *const *list, const char *origin, const char *host);

/* Whether a `Host` header cannot be a name that somebody made point to this
 * machine in order to pass for the same host in a browser: an address has no
 * owner, localhost and `own` (or NULL), compared without port, are known.
 * Empty (no header, or too long for any name) is not safe. */
bool origin_host_is_safe(const char *host, const char *own);

#endif
