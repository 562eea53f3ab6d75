/* SPDX-License-Identifier: MIT
 * What those are answered who asked for a reload. */
#include "server/reload_answer.h"

#include "base/mem.h"
#include "script/tool.h"
#include "wire/json.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* "scripts/chat.lua:14: message": the length of the path, 0 if there is none,
 * and what stands behind it. */
static size_t split_place(const char *text, long *line, const char **message) {
  const char *suffix = strstr(text, ".lua:");
  const char *end = strchr(text, '\n');
  if (!suffix || (end && end < suffix))
    return 0;
  char *at = (char *)suffix + strlen(".lua:");
  *line = strtol(at, &at, 10);
  if (*line > 0 && *at == ':')
    at++;
  *message = at + strspn(at, " ");
  return (size_t)(suffix - text) + strlen(".lua");
}

void reload_answer_message(struct buf *out, const char *text, size_t len) {
  buf_puts(out, ",\"message\":");
  json_put_any(out, text, len);
}

void reload_answer_error(struct buf *out, const struct buf *error) {
  char *text = mem_strndup(error->len ? error->data : "", error->len);
  const char *message = text;
  long line = 0;
  size_t len = split_place(text, &line, &message);
  if (len > 0) {
    buf_puts(out, ",\"file\":");
    json_put_any(out, text, len);
  }
  if (line > 0)
    buf_printf(out, ",\"line\":%ld", line);
  reload_answer_message(out, message, strlen(message));
  mem_free(text);
}

static double ms_since(uint64_t started_ns) {
  return (double)(uv_hrtime() - started_ns) / 1e6;
}

void reload_answer_begin(struct buf *out, bool ok, bool check, unsigned number,
                         uint64_t started_ns) {
  buf_printf(out, "{\"ok\":%s,\"check\":%s,\"generation\":%u,\"ms\":%.1f",
             ok ? "true" : "false", check ? "true" : "false", number,
             ms_since(started_ns));
}

void reload_answer_changes(struct buf *out, const struct manifest *before,
                           const struct manifest *after) {
  buf_printf(out, ",\"files\":%zu,\"handlers\":%zu,\"added\":",
             manifest_files(after), manifest_handlers(after));
  manifest_diff(before, after, MANIFEST_ADDED, out);
  buf_puts(out, ",\"removed\":");
  manifest_diff(before, after, MANIFEST_REMOVED, out);
  buf_puts(out, ",\"changed\":");
  manifest_diff(before, after, MANIFEST_CHANGED, out);
}

/* The keys, which are separated by blanks, as a JSON array. */
static void put_key_list(struct buf *out, const char *name,
                         const struct buf *keys) {
  size_t at = 0;
  buf_printf(out, ",\"%s\":[", name);
  while (at < keys->len) {
    const char *key = keys->data + at;
    const char *end = memchr(key, ' ', keys->len - at);
    size_t len = end ? (size_t)(end - key) : keys->len - at;
    if (at > 0)
      buf_putc(out, ',');
    json_put_string(out, key, len);
    at += len + 1;
  }
  buf_putc(out, ']');
}

void reload_answer_renewal(struct buf *out, const struct renewal *renewal) {
  put_key_list(out, "options", &renewal->changed);
  put_key_list(out, "restart", &renewal->kept);
}

void reload_answer_verdicts(struct buf *out, const struct manifest *before,
                            const struct manifest *after) {
  const struct buf *old = manifest_interface(before);
  const struct buf *new = manifest_interface(after);
  static const char name[] = "the live scripts";
  struct tool_text texts[] = {
      {old->data, old->len}, {new->data, new->len}, {name, strlen(name)}};
  struct buf found = {0}, error = {0};
  if (old->len == new->len && memcmp(old->data, new->data, old->len) == 0) {
    buf_puts(out, ",\"breaking\":[],\"compatible\":[]");
    return;
  }
  if (tool_run("compare", texts, ARRAY_SIZE(texts), &found, &error) == 0) {
    buf_putc(out, ',');
    buf_put(out, found.data + 1, found.len - 2); /* without braces */
  }
  buf_free(&found);
  buf_free(&error);
}
