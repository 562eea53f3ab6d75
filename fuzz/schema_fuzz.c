/* SPDX-License-Identifier: MIT
 * The first line is a schema, the rest is data. What is no schema is refused
 * with a text; what is one gives a verdict on every JSON, with a text if it
 * does not fit; and what is no JSON harms nobody. */
#include "base/err.h"
#include "base/utf8.h"
#include "script/schema.h"
#include "wire/json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
  if (!ok)
    abort();
}

/* Errors name the field and may be sent: `data…: …`, in UTF-8. */
static void check_error(const struct buf *error) {
  require(error->len > 6 && memcmp(error->data, "data", 4) == 0);
  require(memchr(error->data, ':', error->len) != NULL);
  require(memchr(error->data, 0, error->len) == NULL);
  require(utf8_valid(error->data, error->len));
}

static void check_data(const struct schema *schema, const char *text,
                       size_t len) {
  struct buf why = {0};
  int err = schema_check(schema, text, len, &why);
  require(err == 0 || err == ERR_BAD_REQUEST || err == ERR_BAD_JSON);
  if (err && utf8_valid(text, len))
    check_error(&why);
  else if (!err)
    require(why.len == 0);
  if (json_check(text, len, NULL) == 0)
    require(err != ERR_BAD_JSON);
  else
    require(err != 0);
  buf_free(&why);
}

/* `data` in a block of its own size, without space around it. */
static void check_trimmed(const struct schema *schema, const uint8_t *data,
                          size_t size) {
  static const char space[] = " \t\r\n";
  while (size > 0 && memchr(space, data[0], 4))
    data++, size--;
  while (size > 0 && memchr(space, data[size - 1], 4))
    size--;
  char *copy = malloc(size ? size : 1);
  require(copy != NULL);
  memcpy(copy, data, size);
  check_data(schema, copy, size);
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct buf error = {0};
  const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
  size_t len = line ? (size_t)(line - data) : size;
  struct schema *schema =
      schema_new(len ? (const char *)data : "", len, &error);
  if (schema) {
    require(error.len == 0);
    check_data(schema, "{}", 2);
    if (line)
      check_trimmed(schema, line + 1, size - len - 1);
  } else {
    check_error(&error);
  }
  schema_free(schema);
  buf_free(&error);
  return 0;
}
