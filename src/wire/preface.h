/* SPDX-License-Identifier: MIT
 * The PROXY protocol, versions 1 and 2: what a proxy says about a client in
 * front of all that the client says, TLS included.
 *
 * Version 1 is a line ("PROXY TCP4 192.0.2.1 192.0.2.9 4711 443"), version 2 a
 * few bytes. Either may say instead that the proxy speaks for itself (LOCAL,
 * UNKNOWN), to look whether we are well. Only what the specification allows is
 * taken (haproxy.org, doc/proxy-protocol.txt); values of version 2 that stand
 * behind the addresses are skipped. */
#ifndef WIRE_PREFACE_H
#define WIRE_PREFACE_H

#include "base/attr.h"

#include <stddef.h>

enum {
  PREFACE_BYTES_MAX = 4096,   /* of version 2, with all of its values */
  PREFACE_ADDRESS_BYTES = 46, /* INET6_ADDRSTRLEN */
};

enum preface_result {
  PREFACE_DONE,
  PREFACE_MORE, /* all bytes so far are of it, and more are to come */
  PREFACE_NONE, /* it is no PROXY protocol that begins here */
  PREFACE_BAD,  /* it is, but broken */
};

struct preface {
  size_t len;                          /* bytes that it takes */
  char address[PREFACE_ADDRESS_BYTES]; /* of the client; "": the proxy's own */
};

/* Reads the first bytes of a connection. `out` counts with PREFACE_DONE. */
MUST_CHECK enum preface_result preface_read(const char *data, size_t len,
                                            struct preface *out);

#endif
