/* SPDX-License-Identifier: MIT
 * How a request is told to libcurl: address, method, headers, limits, and whom
 * we believe; and what its results mean.
 *
 * What is never asked for: proxies (also none from the environment), cookies,
 * .netrc, HTTP/2 and decompression. */
#ifndef NET_FETCH_SETUP_H
#define NET_FETCH_SETUP_H

#include "base/attr.h"
#include "net/fetch_code.h"
#include "net/fetch_request.h"

#include <curl/curl.h>
#include <stdbool.h>

/* NULL when this is a URL that can be asked for; else what is wrong with it.
 * The texts are constant, and hold nothing of the URL. */
const char *fetch_check_url(const char *text);

/* Tells the handle all about a request but the callbacks. `ca_file` may be
 * NULL: the system's authorities. The headers stand in `lines`, which begins as
 * NULL; the caller frees it after the handle, also on failure. Returns 0, or
 * another number when libcurl has refused something. */
MUST_CHECK int fetch_setup(CURL *easy, const struct fetch_request *request,
                           const char *ca_file, struct curl_slist **lines);

/* What a result of libcurl means. `too_large`: a callback has refused more
 * bytes, which libcurl calls a write error. */
enum fetch_code fetch_code_of(CURLcode code, bool too_large);

#endif
