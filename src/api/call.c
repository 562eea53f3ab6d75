/* SPDX-License-Identifier: MIT
 * The table of calls. */
#include "api/call.h"

#include "api/tracing.h"
#include "api/url.h"

#include <stdio.h>
#include <string.h>

#define TARGETS                                                                \
  (API_HAS(USER) | API_HAS(USERS) | API_HAS(ROOM) | API_HAS(ROOMS) |           \
   API_HAS(ALL))

/* The schema of an answer that is a number. */
#define COUNTED(name)                                                          \
  "{\"type\":\"object\",\"properties\":{\"" name "\":{\"type\":\"integer\","   \
  "\"minimum\":0}},\"required\":[\"" name "\"]}"

const struct api_call api_calls[] = {
    {.name = "send",
     .method = "POST",
     .path = "/send",
     .group = API_SEND,
     .wants = {.takes = TARGETS | API_HAS(MESSAGE) | API_HAS(EXCEPT_USER) |
                        API_HAS(ID) | API_HAS(KEY) | API_HAS(KEEP),
               .needs = API_HAS(MESSAGE),
               .one_of = TARGETS},
     .run = api_send,
     .in_batch = true,
     .answer = "{\"type\":\"object\",\"properties\":{\"receivers\":{\"type\":"
               "\"integer\",\"minimum\":0},\"seq\":{\"type\":\"integer\"}},"
               "\"required\":[\"receivers\"]}",
     .doc =
         "Sends a message to all connections of users, to the members of "
         "rooms, or to everybody; answers how many connections those are, and "
         "`seq` of a message to a room that numbers its messages."},
    {.name = "batch",
     .method = "POST",
     .path = "/batch",
     .kind = API_LINES,
     .answer = "{}",
     .doc = "Makes many calls, one in each line of the body (NDJSON): `send`, "
            "or what `call` says of `send`, `close`, `join` and `leave`. "
            "Answers a line for each, in order: the answer of the call, or its "
            "problem."},
    {.name = "close",
     .method = "POST",
     .path = "/close",
     .group = API_CLOSE,
     .wants = {.takes = API_HAS(USER) | API_HAS(CONN) | API_HAS(CODE) |
                        API_HAS(REASON),
               .one_of = API_HAS(USER) | API_HAS(CONN)},
     .run = api_close,
     .in_batch = true,
     .answer = COUNTED("closed"),
     .doc = "Closes all connections of a user, or one connection; answers how "
            "many those are."},
    {.name = "join",
     .method = "POST",
     .path = "/join",
     .group = API_SEND,
     .wants = {.takes = API_HAS(USER) | API_HAS(ROOM),
               .needs = API_HAS(USER) | API_HAS(ROOM)},
     .run = api_join,
     .in_batch = true,
     .answer = COUNTED("connections"),
     .doc =
         "Puts all connections of a user into a room, as `client:join` does; "
         "answers how many connections the user has."},
    {.name = "leave",
     .method = "POST",
     .path = "/leave",
     .group = API_SEND,
     .wants = {.takes = API_HAS(USER) | API_HAS(ROOM),
               .needs = API_HAS(USER) | API_HAS(ROOM)},
     .run = api_leave,
     .in_batch = true,
     .answer = COUNTED("connections"),
     .doc = "Takes all connections of a user out of a room; answers how many "
            "connections the user has."},
    {.name = "call",
     .method = "POST",
     .path = "/call/{type}",
     .group = API_CALL,
     .wants = {.takes = API_HAS(DATA) | API_HAS(USER)},
     .kind = API_SCRIPTS,
     .answer = "{}",
     .doc = "Asks the scripts: runs the handler `[\"@http TYPE\"]`, and "
            "answers what it returns. If it refuses, that is a problem with "
            "its code, its text, and its `data`."},
    {.name = "user",
     .method = "GET",
     .path = "/users/{user}",
     .group = API_READ,
     .wants = {.needs = API_HAS(USER)},
     .run = api_user,
     .answer =
         "{\"type\":\"object\",\"properties\":{\"user\":{\"type\":\"string\"},"
         "\"online\":{\"type\":\"boolean\"},\"devices\":{\"type\":\"array\","
         "\"items\":{\"type\":\"object\",\"properties\":{\"conn\":{\"type\":"
         "\"integer\"},\"since\":{\"type\":\"integer\"},\"ip\":{\"type\":"
         "\"string\"},\"away\":{\"type\":\"boolean\"},\"rooms\":{\"type\":"
         "\"array\",\"items\":{\"type\":\"string\"}}}}}}}",
     .doc = "Whether a user is online, and with which devices: `conn`, `since` "
            "(Unix time in milliseconds), `ip`, `away` (it was lost, and its "
            "session waits for it), `rooms`."},
    {.name = "conn",
     .method = "GET",
     .path = "/conns/{conn}",
     .group = API_READ,
     .wants = {.needs = API_HAS(CONN)},
     .run = api_conn,
     .answer =
         "{\"type\":\"object\",\"properties\":{\"user\":{\"type\":\"string\"},"
         "\"conn\":{\"type\":\"integer\"},\"since\":{\"type\":\"integer\"},"
         "\"ip\":{\"type\":\"string\"},\"away\":{\"type\":\"boolean\"},"
         "\"rooms\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}",
     .doc = "One connection that is logged in: whose it is, since when "
            "(milliseconds), from where, in which rooms. 404 if there is none "
            "at this machine."},
    {.name = "rooms",
     .method = "GET",
     .path = "/rooms",
     .group = API_READ,
     .wants = {.takes = API_HAS(PREFIX) | API_HAS(AFTER) | API_HAS(LIMIT)},
     .run = api_rooms,
     .answer =
         "{\"type\":\"object\",\"properties\":{\"rooms\":{\"type\":\"array\","
         "\"items\":{\"type\":\"object\",\"properties\":{\"room\":{\"type\":"
         "\"string\"},\"users\":{\"type\":\"integer\"},\"connections\":{"
         "\"type\":\"integer\"}}}},\"more\":{\"type\":\"boolean\"}}}",
     .doc = "The rooms that have members, in the order of their names, with "
            "how many users and connections those are. While there is `more`, "
            "the next page is `after` the last name."},
    {.name = "room",
     .method = "GET",
     .path = "/rooms/{room}",
     .group = API_READ,
     .wants = {.takes = API_HAS(AFTER) | API_HAS(LIMIT),
               .needs = API_HAS(ROOM)},
     .run = api_room,
     .answer =
         "{\"type\":\"object\",\"properties\":{\"room\":{\"type\":\"string\"},"
         "\"users\":{\"type\":\"integer\"},\"connections\":{\"type\":"
         "\"integer\"},\"members\":{\"type\":\"array\",\"items\":{\"type\":"
         "\"string\"}},\"more\":{\"type\":\"boolean\"},\"presence\":{\"type\":"
         "\"object\",\"properties\":{\"count\":{\"type\":\"integer\"},"
         "\"users\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
         "\"properties\":{\"user\":{\"type\":\"string\"},\"devices\":{\"type\":"
         "\"integer\"},\"since\":{\"type\":\"integer\"},\"info\":{}}}}}}}}",
     .doc = "A room: how many users and connections are in it, and who the "
            "users are, in pages. `presence` is what its members are told of "
            "each other, if they are: `count`, and the entries of the users "
            "of this page (`since` in Unix seconds)."},
    {.name = "history",
     .method = "GET",
     .path = "/rooms/{room}/history",
     .kind = API_HISTORY,
     .group = API_READ,
     .wants = {.takes =
                   API_HAS(AFTER_SEQ) | API_HAS(BEFORE_SEQ) | API_HAS(LIMIT),
               .needs = API_HAS(ROOM)},
     .answer =
         "{\"type\":\"object\",\"properties\":{\"epoch\":{\"type\":\"string\"},"
         "\"seq\":{\"type\":\"integer\"},\"messages\":{\"type\":\"array\","
         "\"items\":{\"type\":\"object\",\"properties\":{\"seq\":{\"type\":"
         "\"integer\"},\"type\":{\"type\":\"string\"},\"data\":{},\"at\":{"
         "\"type\":\"integer\"}}}},\"more\":{\"type\":\"boolean\"}}}",
     .doc = "The messages that a room has kept: the oldest behind `after`, the "
            "newest before `before`, or the newest of all; in the order of "
            "their numbers. `at` is Unix time in milliseconds, `epoch` and "
            "`seq` are where the room is."},
    {.name = "trace",
     .method = "GET",
     .path = "/trace",
     .group = API_ADMIN,
     .wants = {.takes = API_HAS(USER) | API_HAS(ROOM) | API_HAS(OF_TYPE),
               .one_of = API_HAS(USER) | API_HAS(ROOM) | API_HAS(OF_TYPE)},
     .kind = API_TRACE,
     .answer = TRACING_SCHEMA,
     .doc = "Follows a user, a room or a type of messages, until the request "
            "is ended: a line of JSON for each thing that happens "
            "([tracing.md](tracing.md)), at most 200 ms later. At most 16 "
            "traces can be on at once."},
    {.name = "token",
     .method = "POST",
     .path = "/token",
     .group = API_ADMIN,
     .wants = {.takes = API_HAS(USER), .needs = API_HAS(USER)},
     .run = api_token,
     .answer = "{\"type\":\"object\",\"properties\":{\"token\":{\"type\":"
               "\"string\"},\"ends_s\":{\"type\":\"integer\"}},"
               "\"required\":[\"token\",\"ends_s\"]}",
     .doc = "Makes a token with which a client is that user, for 15 minutes, "
            "where tokens are signed with `auth.secret`; elsewhere the server "
            "can only verify them (404). For the console's playground."},
    {.name = "openapi",
     .method = "GET",
     .path = "/openapi.json",
     .run = api_openapi,
     .answer = "{\"type\":\"object\"}",
     .doc = "This description, in OpenAPI 3.1."},
};

const size_t api_call_count = ARRAY_SIZE(api_calls);

static bool has_path(const struct api_call *call, struct slice path) {
  return path.len > strlen(API_ROOT) && slice_begins(path, API_ROOT) &&
         api_url_fits(call->path, slice_after(path, strlen(API_ROOT)));
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

const struct api_call *api_call_named(struct slice name) {
  for (size_t i = 0; i < api_call_count; i++)
    if (slice_equals(name, api_calls[i].name))
      return &api_calls[i];
  return NULL;
}

bool api_call_allowed(const struct api_call *call, const char *key,
                      unsigned groups, struct problem *problem) {
  if (!call->group || call->group & groups)
    return true;
  return problem_set(problem, ERR_FORBIDDEN, "the key `%s` may not `%s`", key,
                     api_group_word((enum api_group)call->group));
}
