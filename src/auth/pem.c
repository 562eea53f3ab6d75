/* SPDX-License-Identifier: MIT
 * Keys from PEM texts. */
#include "auth/keyset.h"

#include "base/err.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

/* One block of the text. */
struct block {
  char *name, *header;
  unsigned char *data;
  long len;
};

struct reading {
  struct keyset *set;
  uint32_t algorithms;
  X509 *before;       /* the certificate before this block; NULL: none */
  EVP_PKEY **private; /* of the caller */
  unsigned keys;
};

static void free_block(struct block *block) {
  if (block->data)
    OPENSSL_cleanse(block->data, (size_t)block->len);
  OPENSSL_free(block->name);
  OPENSSL_free(block->header);
  OPENSSL_free(block->data);
}

static bool is_private(const struct block *block) {
  return strstr(block->name, "PRIVATE KEY") != NULL;
}

/* A chain names its authorities behind the certificate: they issue others, and
 * sign no tokens. NULL then, and for what is no certificate. */
static EVP_PKEY *key_of_certificate(struct reading *reading,
                                    const struct block *block) {
  const unsigned char *at = block->data;
  X509 *certificate = d2i_X509(NULL, &at, block->len);
  EVP_PKEY *pkey = NULL;
  bool issuer = certificate && reading->before &&
                X509_cmp(certificate, reading->before) != 0 &&
                X509_check_issued(certificate, reading->before) == X509_V_OK;
  if (certificate && !issuer)
    pkey = X509_get_pubkey(certificate);
  X509_free(reading->before);
  reading->before = certificate;
  return pkey;
}

static EVP_PKEY *key_in_block(struct reading *reading,
                              const struct block *block) {
  const unsigned char *at = block->data;
  if (!strcmp(block->name, PEM_STRING_PUBLIC))
    return d2i_PUBKEY(NULL, &at, block->len);
  if (!strcmp(block->name, PEM_STRING_RSA_PUBLIC))
    return d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, block->len);
  if (!strcmp(block->name, PEM_STRING_X509) ||
      !strcmp(block->name, PEM_STRING_X509_OLD))
    return key_of_certificate(reading, block);
  /* With a passphrase it would be asked for on the terminal. */
  if (is_private(block) && !*block->header)
    return d2i_AutoPrivateKey(NULL, &at, block->len);
  return NULL;
}

static int add_block_key(struct reading *reading, const struct block *block,
                         EVP_PKEY *pkey, struct buf *error) {
  if (is_private(block) && reading->private && !*reading->private) {
    EVP_PKEY_up_ref(pkey);
    *reading->private = pkey;
  }
  struct sigkey *key = sigkey_public_take(pkey, reading->algorithms, error);
  if (!key)
    return ERR_CONFIG;
  reading->keys++;
  int err = keyset_add_take(reading->set, key);
  if (err)
    buf_printf(error, "there are more than %d keys", KEYSET_KEYS);
  return err ? ERR_CONFIG : 0;
}

static int read_blocks(struct reading *reading, BIO *bio, struct buf *error) {
  struct block block = {0};
  int err = 0;
  while (!err && PEM_read_bio(bio, &block.name, &block.header, &block.data,
                              &block.len) == 1) {
    EVP_PKEY *pkey = key_in_block(reading, &block);
    if (pkey)
      err = add_block_key(reading, &block, pkey, error);
    free_block(&block);
    block = (struct block){0};
  }
  return err;
}

int keyset_add_pem(struct keyset *set, const char *text, size_t len,
                   uint32_t algorithms, EVP_PKEY **private, struct buf *error) {
  struct reading reading = {
      .set = set, .algorithms = algorithms, .private = private};
  BIO *bio = len > INT_MAX ? NULL : BIO_new_mem_buf(text, (int)len);
  int err = bio ? read_blocks(&reading, bio, error) : ERR_CONFIG;
  if (reading.keys == 0 && error->len == 0) {
    buf_puts(error, "this is no PEM text of a public key (or of a certificate, "
                    "or of a private key without a passphrase)");
    err = ERR_CONFIG;
  }
  X509_free(reading.before);
  BIO_free(bio);
  ERR_clear_error(); /* of the attempts that failed */
  return err;
}
