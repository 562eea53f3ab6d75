/* SPDX-License-Identifier: MIT
 * Parcels and records.
 *
 * Whole numbers are written with their lowest byte first. */
#include "cluster/parcel.h"

#include "engine/engine.h"

#include <string.h>

enum {
  PARCEL_VERSION = 'P', /* the first byte; a record has another one */
  RECORD_VERSION = 'R',
  FLAG_ECHO = 1,
  FLAG_DROP = 2,
  FLAG_OWN = 4,
  FLAG_BINARY = 8
};

/* What letters of the bus are called. */
static const char words[] = {
    [BUS_SEND] = 'S',  [BUS_CLOSE] = 'C', [BUS_JOIN] = 'J',
    [BUS_LEAVE] = 'L', [BUS_INFO] = 'I',  [BUS_PROBE] = 'P'};

static bool read_word(uint64_t letter, enum bus_what *what) {
  for (size_t i = 0; i < sizeof words; i++)
    if (words[i] && (uint64_t)words[i] == letter) {
      *what = (enum bus_what)i;
      return true;
    }
  return false;
}

void parcel_put_number(struct buf *out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++)
    buf_putc(out, (char)(value >> 8 * i & 0xff));
}

bool parcel_take_number(struct slice *rest, int bytes, uint64_t *value) {
  if (rest->len < (size_t)bytes)
    return false;
  *value = 0;
  for (int i = 0; i < bytes; i++)
    *value |= (uint64_t)(unsigned char)rest->at[i] << 8 * i;
  *rest = slice_after(*rest, (size_t)bytes);
  return true;
}

bool parcel_take(struct slice *rest, size_t len, struct slice *slice) {
  if (rest->len < len)
    return false;
  *slice = (struct slice){rest->at, len};
  *rest = slice_after(*rest, len);
  return true;
}

/* --- parcels ------------------------------------------------------------ */

void parcel_put(struct buf *out, const struct parcel *parcel) {
  int flags = (parcel->echo ? FLAG_ECHO : 0) | (parcel->drop ? FLAG_DROP : 0) |
              (parcel->own ? FLAG_OWN : 0) |
              (parcel->is_binary ? FLAG_BINARY : 0);
  buf_putc(out, PARCEL_VERSION);
  buf_putc(out, words[parcel->what]);
  buf_putc(out, (char)flags);
  parcel_put_number(out, parcel->origin, 8);
  parcel_put_number(out, parcel->conn, 8);
  parcel_put_number(out, (uint64_t)parcel->code, 2);
  parcel_put_number(out, parcel->text.len, 2);
  buf_put(out, parcel->text.at, parcel->text.len);
  buf_put(out, parcel->payload.at, parcel->payload.len);
}

bool parcel_read(struct slice bytes, struct parcel *parcel) {
  uint64_t version, what, flags, code, text_len;
  bool ok = parcel_take_number(&bytes, 1, &version) &&
            version == PARCEL_VERSION && parcel_take_number(&bytes, 1, &what) &&
            parcel_take_number(&bytes, 1, &flags) &&
            parcel_take_number(&bytes, 8, &parcel->origin) &&
            parcel_take_number(&bytes, 8, &parcel->conn) &&
            parcel_take_number(&bytes, 2, &code) &&
            parcel_take_number(&bytes, 2, &text_len) &&
            parcel_take(&bytes, text_len, &parcel->text);
  if (!ok || !read_word(what, &parcel->what))
    return false;
  parcel->echo = flags & FLAG_ECHO;
  parcel->drop = flags & FLAG_DROP;
  parcel->own = flags & FLAG_OWN;
  parcel->is_binary = flags & FLAG_BINARY;
  parcel->code = (int)code;
  parcel->payload = bytes;
  return true;
}

/* --- records ------------------------------------------------------------ */

void record_put(struct buf *out, const struct record *record) {
  buf_putc(out, RECORD_VERSION);
  buf_putc(out, record->drop ? FLAG_DROP : 0);
  parcel_put_number(out, record->origin, 8);
  parcel_put_number(out, record->except, 8);
  parcel_put_number(out, (uint64_t)record->at_ms, 8);
  parcel_put_number(out, record->number_at, 4);
  parcel_put_number(out, record->key.len, 1);
  buf_put(out, record->key.at, record->key.len);
  buf_put(out, record->text.at, record->text.len);
}

bool record_read(struct slice bytes, struct record *record) {
  uint64_t version, flags, at_ms, number_at, key_len;
  bool ok = parcel_take_number(&bytes, 1, &version) &&
            version == RECORD_VERSION &&
            parcel_take_number(&bytes, 1, &flags) &&
            parcel_take_number(&bytes, 8, &record->origin) &&
            parcel_take_number(&bytes, 8, &record->except) &&
            parcel_take_number(&bytes, 8, &at_ms) &&
            parcel_take_number(&bytes, 4, &number_at) &&
            parcel_take_number(&bytes, 1, &key_len) &&
            parcel_take(&bytes, key_len, &record->key);
  if (!ok || number_at > bytes.len || key_len > ENGINE_KEY_BYTES)
    return false;
  record->drop = flags & FLAG_DROP;
  record->at_ms = (int64_t)at_ms;
  record->number_at = (uint32_t)number_at;
  record->text = bytes;
  return true;
}
