/* SPDX-License-Identifier: MIT
 * The keys of the HTTP API, and what each may do.
 *
 * Only their hashes are kept. A key that comes is hashed too, and compared with
 * all of them in a time that does not depend on what is in them: how long that
 * takes tells nobody how much of a key was right. */
#ifndef API_KEYS_H
#define API_KEYS_H

#include "base/attr.h"
#include "config/api_keys.h"
#include "wire/slice.h"

#include <openssl/types.h>

enum { API_KEY_HASH_BYTES = 32 };

struct api_key {
  char name[API_KEY_NAME_BYTES + 1];
  unsigned groups; /* enum api_group */
  unsigned char hash[API_KEY_HASH_BYTES];
};

struct api_keys {
  struct api_key *list;
  size_t count;
  EVP_MD *sha256;     /* NULL: OpenSSL has none */
  EVP_MD_CTX *digest; /* what it is at work on: so one thread uses the keys */
};

/* The keys of that text, which api_keys_check has found to be good. */
MUST_CHECK struct api_keys *api_keys_new(const char *text);

/* Accepts NULL. */
void api_keys_free(struct api_keys *keys);

/* The key of an `Authorization` field ("Bearer KEY"); NULL if it is none. */
const struct api_key *api_keys_find(const struct api_keys *keys,
                                    const struct slice *authorization);

#endif
