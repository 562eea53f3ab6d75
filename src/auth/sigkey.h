/* SPDX-License-Identifier: MIT
 * A key that signatures of tokens are verified with.
 *
 * A key knows which algorithms it is for: from the configuration, from its own
 * type, or from what its publisher wrote. It never learns that from a token:
 * else a public RSA key would do as an HMAC secret. OpenSSL verifies the bytes
 * as they came. A key is read-only once made, so threads may share it. */
#ifndef AUTH_SIGKEY_H
#define AUTH_SIGKEY_H

#include "base/attr.h"
#include "base/buf.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME): in the order of the choices of the option auth.algorithm. */
#define JWT_ALGORITHMS(X)                                                      \
  X(HS256)                                                                     \
  X(HS384)                                                                     \
  X(HS512)                                                                     \
  X(RS256)                                                                     \
  X(RS384)                                                                     \
  X(RS512)                                                                     \
  X(ES256)                                                                     \
  X(ES384)                                                                     \
  X(ES512)                                                                     \
  X(PS256)                                                                     \
  X(PS384)                                                                     \
  X(PS512)                                                                     \
  X(EdDSA)

enum jwt_algorithm {
#define JWT_ENUM(name) JWT_##name,
  JWT_ALGORITHMS(JWT_ENUM)
#undef JWT_ENUM
      JWT_ALGORITHM_COUNT
};

/* A set of algorithms has a bit for each. */
#define JWT_BIT(algorithm) (UINT32_C(1) << (algorithm))
#define JWT_BITS_HS                                                            \
  (JWT_BIT(JWT_HS256) | JWT_BIT(JWT_HS384) | JWT_BIT(JWT_HS512))
#define JWT_BITS_ALL (JWT_BIT(JWT_ALGORITHM_COUNT) - 1)

/* Bytes of the longest signature: of an RSA key with 16384 bits. */
enum { SIGKEY_SIGNATURE_BYTES = 2048 };

/* "HS256". */
const char *jwt_algorithm_name(enum jwt_algorithm algorithm);

/* Returns false when no algorithm has that name; "none" is no algorithm. */
MUST_CHECK bool jwt_algorithm_find(const char *name, size_t len,
                                   enum jwt_algorithm *algorithm);

static inline bool jwt_is_hmac(enum jwt_algorithm algorithm) {
  return algorithm <= JWT_HS512;
}

struct sigkey;

/* Makes a key of a secret, for one HS algorithm. Returns NULL, with the reason
 * appended to `error`, when it cannot be one. */
MUST_CHECK struct sigkey *sigkey_secret(enum jwt_algorithm algorithm,
                                        const void *secret, size_t len,
                                        struct buf *error);

/* Makes a key of a public key, for those of `algorithms` that its type allows.
 * Returns NULL, with the reason in `error`, when it allows none. Owns `pkey` in
 * either case. */
MUST_CHECK struct sigkey *
sigkey_public_take(EVP_PKEY *pkey, uint32_t algorithms, struct buf *error);

/* Gives the key an id, which is copied. NULL: any token may be meant for it. */
void sigkey_set_id(struct sigkey *key, const char *id);

/* NULL: it has none. */
const char *sigkey_id(const struct sigkey *key);

/* A set of JWT_BIT. */
uint32_t sigkey_algorithms(const struct sigkey *key);

/* Returns whether `signature` is this key's signature of the text, by that
 * algorithm; if not, `why` gets a constant text. HMACs are compared in constant
 * time. */
MUST_CHECK bool sigkey_verify(const struct sigkey *key,
                              enum jwt_algorithm algorithm, const char *text,
                              size_t len, const unsigned char *signature,
                              size_t signature_len, const char **why);

/* Signs with a private key by a PS algorithm or EdDSA. Returns the bytes of
 * the signature, or 0 when this key cannot. */
size_t sigkey_sign(EVP_PKEY *pkey, enum jwt_algorithm algorithm,
                   const char *text, size_t len,
                   unsigned char signature[SIGKEY_SIGNATURE_BYTES]);

/* Accepts NULL. */
void sigkey_free(struct sigkey *key);

#endif
