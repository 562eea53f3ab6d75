/* SPDX-License-Identifier: MIT
 * How a request ended. */
#ifndef NET_FETCH_CODE_H
#define NET_FETCH_CODE_H

/* X(NAME, name): how a request ended; scripts see the name. */
#define FETCH_CODE_MAP(X)                                                      \
  X(OK, "ok")               /* there is an answer, whatever its status */      \
  X(TIMEOUT, "timeout")     /* not done in time, or not connected in time */   \
  X(REFUSED, "refused")     /* nobody takes connections there */               \
  X(DNS, "dns")             /* there is no such host */                        \
  X(TLS, "tls")             /* no TLS, or a certificate that is not trusted */ \
  X(TOO_LARGE, "too_large") /* the body is longer than max_bytes, or there are \
                             * too many headers */                             \
  X(BAD_URL, "bad_url")     /* not an http:// or https:// address */           \
  X(TOO_MANY, "too_many")   /* at_once requests are under way */               \
  X(FAILED, "failed")       /* anything else */

enum fetch_code {
#define FETCH_CODE_ENUM(code, name) FETCH_##code,
  FETCH_CODE_MAP(FETCH_CODE_ENUM)
#undef FETCH_CODE_ENUM
};

/* The name that scripts see: "too_large". */
const char *fetch_code_name(enum fetch_code code);

#endif
