/* SPDX-License-Identifier: MIT
 * Runs of plain bytes inside the strings of JSON, a word of 8 or 16 at a time.
 *
 * A word is looked at as a whole. What comes out are marks: one for each byte
 * that is not plain. So a run costs one load and a few operations for each
 * word, and the first mark says where it ends. Without SSE2 the marks are the
 * top bits of eight bytes in a uint64_t; with it one bit for each of sixteen.
 *
 * All is inline, so that each use is a loop without calls: every message goes
 * through here. */
#ifndef WIRE_JSON_RUN_H
#define WIRE_JSON_RUN_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
typedef __m128i json_word;
#else
typedef uint64_t json_word;
#endif

/* The same byte eight times. */
#define JSON_BYTES(b) (UINT64_C(0x0101010101010101) * (b))

enum { JSON_WORD_BYTES = sizeof(json_word) };

typedef uint64_t json_marks_fn(json_word word);

/* The bytes at `at`, the first of them the lowest. */
static inline json_word json_load_word(const char *at) {
#ifdef __SSE2__
  return _mm_loadu_si128((const __m128i *)at);
#else
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return le64toh(word);
#endif
}

/* The other way round. */
static inline void json_store_word(char *to, json_word word) {
#ifdef __SSE2__
  _mm_storeu_si128((__m128i *)to, word);
#else
  word = htole64(word);
  memcpy(to, &word, sizeof word);
#endif
}

/* Marks control characters, quotes and backslashes.
 *
 * In eight bytes a subtraction may borrow from the bytes after a marked one and
 * mark those wrongly: only the first mark counts. */
static inline uint64_t json_mark_special(json_word word) {
#ifdef __SSE2__
  __m128i top = _mm_set1_epi8(0x1f);
  __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(word, top), top);
  __m128i quote = _mm_cmpeq_epi8(word, _mm_set1_epi8('"'));
  __m128i backslash = _mm_cmpeq_epi8(word, _mm_set1_epi8('\\'));
  __m128i marks = _mm_or_si128(control, _mm_or_si128(quote, backslash));
  return (uint64_t)_mm_movemask_epi8(marks);
#else
  uint64_t control = word - JSON_BYTES(0x20);
  uint64_t quote = (word ^ JSON_BYTES('"')) - JSON_BYTES(1);
  uint64_t backslash = (word ^ JSON_BYTES('\\')) - JSON_BYTES(1);
  return (control | quote | backslash) & ~word & JSON_BYTES(0x80);
#endif
}

/* Marks what is not plain ASCII: the same, and the bytes from 128 on. */
static inline uint64_t json_mark_not_plain(json_word word) {
#ifdef __SSE2__
  /* As signed numbers, bytes from 128 on are below those from 32 to 127. */
  __m128i low = _mm_cmplt_epi8(word, _mm_set1_epi8(0x20));
  __m128i quote = _mm_cmpeq_epi8(word, _mm_set1_epi8('"'));
  __m128i backslash = _mm_cmpeq_epi8(word, _mm_set1_epi8('\\'));
  __m128i marks = _mm_or_si128(low, _mm_or_si128(quote, backslash));
  return (uint64_t)_mm_movemask_epi8(marks);
#else
  return json_mark_special(word) | (word & JSON_BYTES(0x80));
#endif
}

/* The index of the first byte that is marked; there is one. */
static inline int json_first_mark(uint64_t marks) {
#ifdef __SSE2__
  return __builtin_ctzll(marks);
#else
  return __builtin_ctzll(marks) / 8;
#endif
}

/* So many bytes, 8 at most, the first of them the lowest. */
static inline uint64_t json_load_bytes(const char *at, size_t count) {
  uint64_t bytes = 0;
  memcpy(&bytes, at, count);
  return le64toh(bytes);
}

/* The bytes of a text as a word: its first `half`, and then its last `half`,
 * which may overlap; the rest is blanks. `half` is a constant. */
static inline json_word json_load_halves(const char *at, const char *end,
                                         size_t half) {
  uint64_t first = json_load_bytes(at, half);
  uint64_t last = json_load_bytes(end - half, half);
#ifdef __SSE2__
  if (half == 8)
    return _mm_set_epi64x((long long)last, (long long)first);
#endif
  uint64_t blanks = half < 4 ? JSON_BYTES(0x20) << 16 * half : 0;
  uint64_t word = blanks | last << 8 * half | first;
#ifdef __SSE2__
  return _mm_set_epi64x((long long)JSON_BYTES(0x20), (long long)word);
#else
  return word;
#endif
}

/* As json_run, of a text of at least `half` bytes, and of twice as many at
 * most. What is marked in both halves is found in the first one. */
static inline const char *json_run_halves(const char *at, const char *end,
                                          size_t half,
                                          json_marks_fn *marks_of) {
  uint64_t marks = marks_of(json_load_halves(at, end, half));
  if (!marks)
    return end;
  size_t first = (size_t)json_first_mark(marks);
  return first < half ? at + first : end - 2 * half + first;
}

/* As json_run, of a text that is shorter than a word. */
static inline const char *json_run_short(const char *at, const char *end,
                                         json_marks_fn *marks_of) {
#ifdef __SSE2__
  if (end - at >= 8)
    return json_run_halves(at, end, 8, marks_of);
#endif
  if (end - at >= 4)
    return json_run_halves(at, end, 4, marks_of);
  if (end - at >= 2)
    return json_run_halves(at, end, 2, marks_of);
  return at < end ? json_run_halves(at, end, 1, marks_of) : end;
}

/* As json_copy_plain, of a text of at least `half` bytes, and of twice as many
 * at most. `half` is a constant. */
static inline bool json_copy_halves(char *to, const char *at, size_t len,
                                    size_t half) {
  if (json_mark_not_plain(json_load_halves(at, at + len, half)))
    return false;
  memcpy(to, at, half);
  memcpy(to + len - half, at + len - half, half);
  return true;
}

/* As json_copy_plain, of a text that is shorter than a word. */
static inline bool json_copy_short(char *to, const char *at, size_t len) {
#ifdef __SSE2__
  if (len >= 8)
    return json_copy_halves(to, at, len, 8);
#endif
  if (len >= 4)
    return json_copy_halves(to, at, len, 4);
  if (len >= 2)
    return json_copy_halves(to, at, len, 2);
  return len == 0 || json_copy_halves(to, at, len, 1);
}

/* Copies the text while it is plain ASCII, in one pass; whether all of it is.
 * What is in `to`, which has room for `len` bytes, means nothing if not. */
static inline bool json_copy_plain(char *to, const char *at, size_t len) {
  if (len < JSON_WORD_BYTES)
    return json_copy_short(to, at, len);
  const char *last = at + len - JSON_WORD_BYTES;
  char *last_to = to + len - JSON_WORD_BYTES;
  json_word word;
  for (; at < last; at += JSON_WORD_BYTES, to += JSON_WORD_BYTES) {
    word = json_load_word(at);
    if (json_mark_not_plain(word))
      return false;
    json_store_word(to, word);
  }
  word = json_load_word(last);
  json_store_word(last_to, word);
  return !json_mark_not_plain(word);
}

/* The first byte from `at` that is marked, or `end`.
 *
 * What is left at the end is less than a word. It is looked at together with
 * what was passed before it, which has no marks; nothing beyond `end` is ever
 * read. */
static inline const char *json_run(const char *at, const char *end,
                                   json_marks_fn *marks_of) {
  uint64_t marks;
  if (end - at < JSON_WORD_BYTES)
    return json_run_short(at, end, marks_of);
  for (; end - at >= JSON_WORD_BYTES; at += JSON_WORD_BYTES)
    if ((marks = marks_of(json_load_word(at))))
      return at + json_first_mark(marks);
  if (at == end)
    return end;
  at = end - JSON_WORD_BYTES;
  marks = marks_of(json_load_word(at));
  return marks ? at + json_first_mark(marks) : end;
}

/* The end of the run of plain ASCII that begins at `at`. */
static inline const char *json_run_plain(const char *at, const char *end) {
  return json_run(at, end, json_mark_not_plain);
}

/* The same, where other characters than ASCII are plain too. */
static inline const char *json_run_unescaped(const char *at, const char *end) {
  return json_run(at, end, json_mark_special);
}

#endif
