/* SPDX-License-Identifier: MIT
 * Keys of the HTTP API. */
#include "api/keys.h"

#include "base/mem.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

/* To look the algorithm up, as EVP_sha256 does each time, takes longer than all
 * the rest. False if OpenSSL has no SHA-256: then no key is ever right. */
static bool hash_key(const struct api_keys *keys, const char *key, size_t len,
                     unsigned char hash[API_KEY_HASH_BYTES]) {
  return keys->sha256 && EVP_DigestInit_ex2(keys->digest, keys->sha256, NULL) &&
         EVP_DigestUpdate(keys->digest, key, len) &&
         EVP_DigestFinal_ex(keys->digest, hash, NULL);
}

static void add_key(struct api_keys *keys, const struct api_key_entry *entry) {
  struct api_key *key;
  keys->list = mem_realloc(keys->list, (keys->count + 1) * sizeof *keys->list);
  key = &keys->list[keys->count];
  *key = (struct api_key){.groups = entry->groups};
  memcpy(key->name, entry->name, entry->name_len);
  if (hash_key(keys, entry->key, entry->key_len, key->hash))
    keys->count++;
}

struct api_keys *api_keys_new(const char *text) {
  struct api_keys *keys = mem_alloc(sizeof *keys);
  struct api_key_entry entry;
  const char *fault;
  keys->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
  keys->digest = EVP_MD_CTX_new();
  while (api_keys_next(&text, &entry, &fault))
    add_key(keys, &entry);
  return keys;
}

void api_keys_free(struct api_keys *keys) {
  if (!keys)
    return;
  EVP_MD_free(keys->sha256);
  EVP_MD_CTX_free(keys->digest);
  mem_free(keys->list);
  mem_free(keys);
}

/* The scheme is written in upper or lower case (RFC 9110, 11.1). */
static bool take_scheme(struct slice *text) {
  static const char scheme[] = "bearer";
  size_t len = sizeof scheme - 1;
  if (text->len <= len || !slice_is((struct slice){text->at, len}, scheme) ||
      !slice_is_blank(text->at[len]))
    return false;
  *text = slice_trim(slice_after(*text, len));
  return true;
}

const struct api_key *api_keys_find(const struct api_keys *keys,
                                    const struct slice *authorization) {
  unsigned char hash[API_KEY_HASH_BYTES];
  const struct api_key *found = NULL;
  struct slice text;
  if (!authorization)
    return NULL;
  text = *authorization;
  if (!take_scheme(&text) || !hash_key(keys, text.at, text.len, hash))
    return NULL;
  for (size_t i = 0; i < keys->count; i++)
    if (CRYPTO_memcmp(keys->list[i].hash, hash, sizeof hash) == 0)
      found = &keys->list[i];
  return found;
}
