/* SPDX-License-Identifier: MIT
 * What a reload would do. */
#include "server/reload_check.h"

#include "server/reload_answer.h"

struct generation *reload_check_build(struct host *host, const char *dir,
                                      unsigned number,
                                      struct manifest **manifest,
                                      struct buf *error) {
  struct bundle *bundle = bundle_read(dir, error);
  if (!bundle)
    return NULL;
  struct generation *generation = generation_new(host, bundle, number, error);
  if (generation && manifest)
    *manifest = manifest_new(generation);
  bundle_unref(bundle);
  return generation;
}

/* Builds what a reload would, and frees it; whether that went well. */
static bool try_build(const struct reloader *reloader, struct renewal *renewal,
                      struct manifest **manifest, struct buf *error) {
  struct host *host = &reloader->crew->workers[0].protocol.host;
  const struct config *usual = host->config;
  if (renewal_read(renewal, reloader->args, reloader->config, error) < 0)
    return false;
  host->config = renewal->config;
  struct generation *generation = reload_check_build(
      host, renewal->config->scripts, reloader->built + 1, manifest, error);
  host->config = usual;
  generation_free(generation);
  return generation != NULL;
}

bool reload_check(const struct reloader *reloader, struct buf *json) {
  struct buf error = {0};
  struct manifest *manifest = NULL;
  struct renewal renewal = {0};
  uint64_t started_ns = uv_hrtime();
  bool good = try_build(reloader, &renewal, &manifest, &error);
  reload_answer_begin(json, good, true, reloader->number, started_ns);
  if (good) {
    reload_answer_changes(json, reloader->live, manifest);
    reload_answer_renewal(json, &renewal);
    reload_answer_verdicts(json, reloader->live, manifest);
  } else {
    reload_answer_error(json, &error);
  }
  buf_puts(json, "}\n");
  manifest_free(manifest);
  renewal_free(&renewal);
  buf_free(&error);
  return good;
}
