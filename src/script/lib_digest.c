/* SPDX-License-Identifier: MIT
 * Signatures with a shared secret (RFC 2104), and how they are compared. */
#include "script/lib_digest.h"

#include "base/attr.h"

#include <lauxlib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum {
  HEX_BYTES = 2 * EVP_MAX_MD_SIZE,
  BASE64_BYTES = (EVP_MAX_MD_SIZE + 2) / 3 * 4 + 1,
};

static const char *const algorithms[] = {"sha256", "sha512", "sha1", NULL};
static const char *const encodings[] = {"hex", "base64", "raw", NULL};

enum encoding { ENCODE_HEX, ENCODE_BASE64, ENCODE_RAW };

static void push_hex(lua_State *L, const unsigned char *bytes, size_t len) {
  static const char digits[] = "0123456789abcdef";
  char text[HEX_BYTES];
  for (size_t i = 0; i < len; i++) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  lua_pushlstring(L, text, 2 * len);
}

static void push_encoded(lua_State *L, const unsigned char *bytes, size_t len,
                         enum encoding encoding) {
  unsigned char text[BASE64_BYTES];
  switch (encoding) {
  case ENCODE_HEX:
    push_hex(L, bytes, len);
    break;
  case ENCODE_BASE64:
    EVP_EncodeBlock(text, bytes, (int)len);
    lua_pushstring(L, (const char *)text);
    break;
  case ENCODE_RAW:
    lua_pushlstring(L, (const char *)bytes, len);
    break;
  }
}

/* (key, text, algorithm?, encoding?) */
static int push_hmac(lua_State *L) {
  size_t key_len, text_len;
  unsigned len = 0;
  unsigned char bytes[EVP_MAX_MD_SIZE];
  const char *key = luaL_checklstring(L, 1, &key_len);
  const char *text = luaL_checklstring(L, 2, &text_len);
  int algorithm = luaL_checkoption(L, 3, "sha256", algorithms);
  int encoding = luaL_checkoption(L, 4, "hex", encodings);
  const EVP_MD *md = algorithm == 0   ? EVP_sha256()
                     : algorithm == 1 ? EVP_sha512()
                                      : EVP_sha1();
  luaL_argcheck(L, key_len <= 1 << 20, 1, "a key has at most a MiB");
  if (!HMAC(md, key, (int)key_len, (const unsigned char *)text, text_len, bytes,
            &len))
    return luaL_error(L, "OpenSSL does not have %s here",
                      algorithms[algorithm]);
  push_encoded(L, bytes, len, (enum encoding)encoding);
  return 1;
}

/* (a, b): how long it takes tells nobody where they differ. */
static int push_equal(lua_State *L) {
  size_t a_len, b_len;
  const char *a = luaL_checklstring(L, 1, &a_len);
  const char *b = luaL_checklstring(L, 2, &b_len);
  lua_pushboolean(L, a_len == b_len && CRYPTO_memcmp(a, b, a_len) == 0);
  return 1;
}

static const luaL_Reg functions[] = {
    {"hmac", push_hmac}, {"equal", push_equal}, {NULL, NULL}};

void lib_digest_open(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
