/* SPDX-License-Identifier: MIT
 * The head of an HTTP/1.x request, read strictly (RFC 9112, 2 to 6).
 *
 * It refuses everything that two readers of one request could read differently:
 * a bare CR or LF, a blank before a colon, a folded line, a control byte, two
 * fields where one may stand, a length that is no number. Behind a proxy the
 * two readers are the proxy and we. What they disagree about becomes somebody
 * else's request.
 *
 * It copies and allocates nothing: a request points into the bytes that it was
 * read from. */
#ifndef WIRE_REQUEST_H
#define WIRE_REQUEST_H

#include "base/attr.h"
#include "wire/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum {
  /* Of the whole head, with the empty line at its end: a token of 16 KiB has
   * room, with the cookies of a browser beside it. */
  REQUEST_BYTES_MAX = 24 * 1024,
  REQUEST_FIELDS_MAX = 100,
  REQUEST_METHOD_MAX = 32, /* bytes */
};

struct request_field {
  struct slice name, value; /* without the blanks around the value */
};

struct request {
  struct slice method;
  struct slice path;  /* begins with a slash; empty for CONNECT, "OPTIONS *"
                       * and unknown methods, whose target is not looked at */
  struct slice query; /* what stands behind the question mark, or empty */
  struct slice host;  /* that of the target or of Host; empty: neither */
  bool has_host;      /* one of them was there */
  int minor;          /* HTTP/1.minor: 0, or 1 for all later ones */
  bool chunked;       /* a body of chunks is announced */
  size_t length;      /* of the body that is announced; SIZE_MAX: more */
  size_t count;
  struct request_field fields[REQUEST_FIELDS_MAX];
};

/* Why a request is not taken: the status of the answer, and what is wrong. */
struct request_fault {
  unsigned status;
  const char *text; /* a line for the peer and the log; static */
};

/* Returns how many of these bytes are a head up to its empty line, well-formed
 * or not; 0 when more bytes must come first. Returns `len` when they cannot
 * become a head: they do not begin like a request, or are REQUEST_BYTES_MAX and
 * more. The first `seen` bytes were looked through before, in vain. */
size_t request_length(const char *data, size_t len, size_t seen);

/* Reads a head whose length request_length has told. Returns false, with the
 * reason in `fault`, when the request is refused. */
MUST_CHECK bool request_read(struct request *request, const char *data,
                             size_t len, struct request_fault *fault);

/* Returns the first field of that name, in upper or lower case, or NULL. */
const struct slice *request_field(const struct request *request,
                                  const char *name);

/* Whether a field that is a list of words ("Connection: keep-alive, Upgrade")
 * has this word, in upper or lower case, in any of its lines. */
bool request_has_word(const struct request *request, const char *name,
                      const char *word);

/* Writes all lines of a field into `out`, with `between` between them and a
 * zero behind. Returns the length, 0 when there is no such field, or `cap` when
 * there is no room; then `out` is "". */
size_t request_join(const struct request *request, const char *name,
                    const char *between, char *out, size_t cap);

#endif
