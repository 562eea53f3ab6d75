/* SPDX-License-Identifier: MIT
 * The table of calls. */
#include "api/call.h"

#include <stdio.h>
#include <string.h>

#define TARGETS                                                                \
  (API_HAS(USER) | API_HAS(USERS) | API_HAS(ROOM) | API_HAS(ROOMS) |           \
   API_HAS(ALL))

const struct api_call api_calls[] = {
    {.name = "send",
     .method = "POST",
     .path = "/send",
     .group = API_SEND,
     .wants = {.takes = TARGETS | API_HAS(MESSAGE) | API_HAS(EXCEPT_USER),
               .needs = API_HAS(MESSAGE),
               .one_of = TARGETS},
     .run = api_send,
     .answer = "{\"type\":\"object\",\"properties\":{"
               "\"receivers\":{\"type\":\"integer\",\"minimum\":0}},"
               "\"required\":[\"receivers\"]}",
     .doc = "Sends a message to all connections of users, to the members of "
            "rooms, or to everybody; answers how many connections those are."},
    {.name = "openapi",
     .method = "GET",
     .path = "/openapi.json",
     .run = api_openapi,
     .answer = "{\"type\":\"object\"}",
     .doc = "This description, in OpenAPI 3.1."},
};

const size_t api_call_count = ARRAY_SIZE(api_calls);

static bool has_path(const struct api_call *call, struct slice path) {
  return path.len > strlen(API_ROOT) &&
         memcmp(path.at, API_ROOT, strlen(API_ROOT)) == 0 &&
         slice_equals(slice_after(path, strlen(API_ROOT)), call->path);
}

static bool has_method(const struct api_call *call, struct slice method) {
  return slice_equals(method, call->method) ||
         (!strcmp(call->method, "GET") && slice_equals(method, "HEAD"));
}

static void refuse_method(const struct api_call *call,
                          struct problem *problem) {
  bool get = !strcmp(call->method, "GET");
  problem_set(problem, ERR_BAD_REQUEST, "this is %s", call->method);
  problem->status = 405;
  problem->headers = get ? "Allow: GET, HEAD\r\n" : "Allow: POST\r\n";
}

const struct api_call *api_call_find(const struct request *request,
                                     struct problem *problem) {
  const struct api_call *other = NULL;
  for (size_t i = 0; i < api_call_count; i++) {
    const struct api_call *call = &api_calls[i];
    if (!has_path(call, request->path))
      continue;
    if (has_method(call, request->method))
      return call;
    other = call;
  }
  if (other)
    refuse_method(other, problem);
  else
    problem_set(problem, ERR_NOT_FOUND,
                "there is no such call, see " API_ROOT "/openapi.json");
  return NULL;
}
