/* SPDX-License-Identifier: MIT
 * The table of calls for others. */
#include "api/manual.h"

#include "api/call.h"
#include "api/url.h"
#include "wire/json.h"

#include <string.h>

/* --- openapi.json ------------------------------------------------------- */

static void put_manual_text(struct buf *out, const char *text) {
  json_put_string(out, text, strlen(text));
}

static void put_form(struct buf *out, const struct api_arg_info *info) {
  switch (info->form) {
  case API_FORM_TEXT:
    buf_printf(out, "\"type\":\"string\",\"minLength\":1,\"maxLength\":%lld",
               (long long)info->max);
    break;
  case API_FORM_TEXTS:
    buf_printf(out,
               "\"type\":\"array\",\"minItems\":1,\"maxItems\":%d,\"items\":{"
               "\"type\":\"string\",\"minLength\":1,\"maxLength\":%lld}",
               API_TEXTS_MAX, (long long)info->max);
    break;
  case API_FORM_INT:
    buf_printf(out, "\"type\":\"integer\",\"minimum\":%lld,\"maximum\":%lld",
               (long long)info->min, (long long)info->max);
    break;
  case API_FORM_TRUE:
  case API_FORM_BOOL:
    buf_puts(out, "\"type\":\"boolean\"");
    break;
  case API_FORM_MESSAGE:
    buf_puts(out, "\"$ref\":\"#/components/schemas/Message\"");
    break;
  case API_FORM_ANY:
    break;
  }
}

/* The schemas of a set of arguments, as members of an object. */
static void put_arg_schemas(struct buf *out, unsigned set) {
  const char *comma = "";
  for (unsigned arg = 0; arg < API_ARG_COUNT; arg++) {
    if (!(set & 1U << arg))
      continue;
    buf_printf(out, "%s\"%s\":{", comma, api_arg_table[arg].name);
    buf_puts(out, "\"description\":");
    put_manual_text(out, api_arg_table[arg].doc);
    if (api_arg_table[arg].form != API_FORM_ANY)
      buf_putc(out, ',');
    put_form(out, &api_arg_table[arg]);
    buf_putc(out, '}');
    comma = ",";
  }
}

static void put_arg_names(struct buf *out, unsigned set, const char *before,
                          const char *after, const char *between) {
  const char *comma = "";
  for (unsigned arg = 0; arg < API_ARG_COUNT; arg++) {
    if (!(set & 1U << arg))
      continue;
    buf_printf(out, "%s%s%s%s", comma, before, api_arg_table[arg].name, after);
    comma = between;
  }
}

static void put_body_schema(struct buf *out, const struct api_call *call) {
  buf_puts(out, ",\"requestBody\":{\"required\":true,\"content\":{"
                "\"application/json\":{\"schema\":{\"type\":\"object\","
                "\"additionalProperties\":false,\"properties\":{");
  put_arg_schemas(out, call->wants.takes);
  buf_putc(out, '}');
  if (call->wants.needs) {
    buf_puts(out, ",\"required\":[");
    put_arg_names(out, call->wants.needs, "\"", "\"", ",");
    buf_putc(out, ']');
  }
  if (call->wants.one_of) {
    buf_puts(out, ",\"oneOf\":[");
    put_arg_names(out, call->wants.one_of, "{\"required\":[\"", "\"]}", ",");
    buf_putc(out, ']');
  }
  buf_puts(out, "}}}}");
}

static void put_parameter(struct buf *out, unsigned arg, bool in_path) {
  buf_printf(out, "{\"name\":\"%s\",\"in\":\"%s\",\"required\":%s,",
             api_arg_table[arg].name, in_path ? "path" : "query",
             in_path ? "true" : "false");
  buf_puts(out, "\"description\":");
  put_manual_text(out, api_arg_table[arg].doc);
  buf_puts(out, ",\"schema\":{");
  put_form(out, &api_arg_table[arg]);
  buf_puts(out, "}}");
}

static void put_parameters(struct buf *out, const struct api_call *call) {
  unsigned in_path = api_url_arg(call->path);
  const char *comma = "";
  buf_puts(out, ",\"parameters\":[");
  for (unsigned arg = 0; arg < API_ARG_COUNT; arg++) {
    bool query = !strcmp(call->method, "GET") && call->wants.takes & 1U << arg;
    if (arg != in_path && !query)
      continue;
    buf_puts(out, comma);
    put_parameter(out, arg, arg == in_path);
    comma = ",";
  }
  buf_putc(out, ']');
}

/* Lines of JSON have a type of their own, and no schema. */
static const char batch_body[] =
    ",\"requestBody\":{\"required\":true,\"content\":{"
    "\"application/x-ndjson\":{\"schema\":{\"type\":\"string\"}}}}";

static void put_operation(struct buf *out, const struct api_call *call) {
  buf_printf(out, "\"%s\":{\"operationId\":\"%s\",\"summary\":",
             strcmp(call->method, "GET") ? "post" : "get", call->name);
  put_manual_text(out, call->doc);
  if (call->group)
    buf_printf(out, ",\"description\":\"For keys that may `%s`.\"",
               api_group_word(call->group));
  put_parameters(out, call);
  if (!strcmp(call->method, "POST") && call->kind == API_LINES)
    buf_puts(out, batch_body);
  else if (!strcmp(call->method, "POST"))
    put_body_schema(out, call);
  buf_printf(out,
             ",\"responses\":{\"200\":{\"description\":\"It is done.\","
             "\"content\":{\"application/%s\":{\"schema\":%s}}},"
             "\"default\":{\"$ref\":\"#/components/responses/Problem\"}}}",
             call->kind == API_LINES || call->kind == API_TRACE ? "x-ndjson"
                                                                : "json",
             call->answer);
}

static void put_paths(struct buf *out) {
  for (size_t i = 0; i < api_call_count; i++) {
    buf_printf(out, "%s\"%s\":{", i > 0 ? "," : "", api_calls[i].path);
    put_operation(out, &api_calls[i]);
    buf_putc(out, '}');
  }
}

static const char components[] =
    "\"components\":{\"securitySchemes\":{\"key\":{\"type\":\"http\","
    "\"scheme\":\"bearer\"}},\"schemas\":{\"Message\":{\"type\":\"object\","
    "\"additionalProperties\":false,\"properties\":{\"type\":{\"type\":"
    "\"string\",\"pattern\":\"^[A-Za-z0-9_.:-]{1,64}$\"},\"data\":{}},"
    "\"required\":[\"type\"]},\"Problem\":{\"type\":\"object\",\"properties\":{"
    "\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
    "\"code\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"},"
    "\"ref\":{\"type\":\"string\"}},\"required\":[\"title\",\"status\","
    "\"code\",\"detail\",\"ref\"]}},\"responses\":{\"Problem\":{"
    "\"description\":\"It is refused, or has failed (RFC 9457).\",\"content\":{"
    "\"application/problem+json\":{\"schema\":{\"$ref\":"
    "\"#/components/schemas/Problem\"}}}}}}";

void api_manual_openapi(struct buf *out) {
  buf_puts(out,
           "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Perigee\","
           "\"version\":\"" PERIGEE_VERSION "\",\"license\":{\"name\":"
           "\"MIT\",\"identifier\":\"MIT\"}},\"servers\":[{\"url\":\"" API_ROOT
           "\"}],\"security\":[{\"key\":[]}],\"paths\":{");
  put_paths(out);
  buf_puts(out, "},");
  buf_puts(out, components);
  buf_putc(out, '}');
}

bool api_openapi(struct api_context *context, const struct api_args *args,
                 struct buf *out, struct problem *problem) {
  (void)context;
  (void)args;
  (void)problem;
  api_manual_openapi(out);
  return true;
}

/* --- docs/api.md -------------------------------------------------------- */

static const char page_begin[] =
    "<!-- Made by `perigee api --markdown` from src/api/call.c. -->\n"
    "# HTTP API for backends\n"
    "\n"
    "[backend.md](backend.md) shows how it is used. Each call is a request "
    "with `Authorization: Bearer KEY`, where the key is one of `api.keys` "
    "([configuration.md](configuration.md)), to `" API_ROOT "` of "
    "`admin.listen`, or of `api.listen`. Bodies and answers are JSON. A body "
    "may have up to `http.body_bytes`, that of a batch 16 MiB. Members that a "
    "call does not take are refused. `GET " API_ROOT
    "/openapi.json` and `perigee api` describe all "
    "of this to programs (OpenAPI 3.1).\n"
    "\n"
    "A thread of its own answers: what scripts do does not hold it up. What is "
    "sent is handed to the threads that serve the clients; one that a script "
    "holds delivers it afterwards, in order.\n";

static const char page_end[] =
    "\n## Problems\n"
    "\n"
    "A call that is refused, or that fails, is answered with "
    "`application/problem+json` (RFC 9457): "
    "`{\"title\":…,\"status\":…,\"code\":…,\"detail\":…,\"ref\":…}`. `code` is "
    "one of those of [protocol.md](protocol.md), `detail` says what is wrong, "
    "`ref` is in the line of the log. Nothing has been done then, but by the "
    "handler of a `call` that is answered 500 or 504: it may have done a "
    "part.\n"
    "\n"
    "| status | `code` | when |\n"
    "|---|---|---|\n"
    "| 400 | `BAD_JSON`, `BAD_REQUEST` | the body is not JSON, or not what the "
    "call takes; the request is not HTTP |\n"
    "| 401 | `UNAUTHENTICATED` | no key, or none of `api.keys` |\n"
    "| 403 | `FORBIDDEN` | the key may not make this call (`allow`) |\n"
    "| 404 | `NOT_FOUND`, `UNKNOWN_TYPE` | there is no such call, or no "
    "handler for it |\n"
    "| 405 | `BAD_REQUEST` | another method is needed: `Allow` has it |\n"
    "| 408 | `BAD_REQUEST` | the request did not come within "
    "`limits.handshake_timeout_s` |\n"
    "| 409 | `TRY_LATER` | the first request with this `Idempotency-Key` is "
    "not answered yet |\n"
    "| 413 | `TOO_LARGE` | the body, or the message for clients "
    "(`limits.queue_bytes`) |\n"
    "| 422 | any | a handler refuses, with a code of its own |\n"
    "| 422 | `BAD_REQUEST` | an `Idempotency-Key` comes again with another "
    "path or body |\n"
    "| 429 | `RATE_LIMITED` | more than 10 times a second from one address "
    "without a key that is right |\n"
    "| 500 | `HANDLER_ERROR` | a handler failed; the traceback is in the log, "
    "at `ref` |\n"
    "| 503 | `OVERLOADED` | all workers that have receivers are too far "
    "behind: try again |\n"
    "| 504 | `HANDLER_TIMEOUT` | a handler took too long, or has not answered "
    "for 30 s |\n"
    "\n"
    "## Once, and not twice\n"
    "\n"
    "Who has got no answer does not know whether the call was made. With "
    "`Idempotency-Key: TEXT` (1 to 128 printable characters) it can be "
    "repeated: for five minutes the same text, key, path and body get the "
    "first answer again, with `Idempotent-Replayed: true`, and nothing is "
    "done. Answers with 429 or a status from 500 on are not kept.\n";

static void put_args_table(struct buf *out, const struct api_call *call) {
  buf_printf(out, "\n| %s | form | |\n|---|---|---|\n",
             strcmp(call->method, "GET") ? "member" : "parameter");
  for (unsigned arg = 0; arg < API_ARG_COUNT; arg++) {
    static const char *const forms[] = {
        [API_FORM_TEXT] = "text",
        [API_FORM_TEXTS] = "array of texts",
        [API_FORM_INT] = "integer",
        [API_FORM_TRUE] = "boolean",
        [API_FORM_BOOL] = "boolean",
        [API_FORM_MESSAGE] = "`{\"type\":…,\"data\":…}`",
        [API_FORM_ANY] = "any JSON",
    };
    const struct api_arg_info *info = &api_arg_table[arg];
    if (call->wants.takes & 1U << arg)
      buf_printf(out, "| `%s` | %s | %s%s |\n", info->name, forms[info->form],
                 info->doc,
                 call->wants.needs & 1U << arg ? "; must be there" : "");
  }
  if (!call->wants.one_of)
    return;
  buf_puts(out, "\nExactly one of ");
  put_arg_names(out, call->wants.one_of, "`", "`", ", ");
  buf_puts(out, " must be there.\n");
}

static void put_call_page(struct buf *out, const struct api_call *call) {
  buf_printf(out, "\n## %s %s%s\n\n%s ", call->method, API_ROOT, call->path,
             call->doc);
  if (call->group)
    buf_printf(out, "For keys that may `%s`.\n", api_group_word(call->group));
  else
    buf_puts(out, "For every key.\n");
  if (call->wants.takes)
    put_args_table(out, call);
}

void api_manual_markdown(struct buf *out) {
  buf_puts(out, page_begin);
  for (size_t i = 0; i < api_call_count; i++)
    put_call_page(out, &api_calls[i]);
  buf_puts(out, page_end);
}
