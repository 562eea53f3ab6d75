#!/bin/sh
# SPDX-License-Identifier: MIT
# hiredis 0.14.1, asynchronous: the callback that is passed with UNSUBSCRIBE is
# never called; the answer goes to the callback of SUBSCRIBE.
# Guess: each command's answer goes to the function it was sent with, as for
# every other command. What is freed there leaks.
. "$(dirname "$0")/lib/findings.sh"
debian gcc libc6-dev libhiredis-dev libuv1-dev redis-server redis-tools
redis-server --port 0 --unixsocket "$folder/socket" --save '' \
  --daemonize no >"$folder/log" 2>&1 &
server=$!
while ! redis-cli -s "$folder/socket" ping >/dev/null 2>&1; do sleep 0.1; done
cat >"$folder/unsubscribe.c" <<'END'
#include <hiredis/hiredis.h>
#include <hiredis/async.h>
#include <hiredis/adapters/libuv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_answer(redisAsyncContext *to, void *got, void *name)
{
  redisReply *reply = got;
  int list = reply->type == REDIS_REPLY_ARRAY;
  const char *what = list ? reply->element[0]->str : reply->str;
  printf("%s got %s\n", (char *)name, what);
  if (strcmp(what, "subscribe") == 0)
    redisAsyncCommand(to, on_answer, "callback of UNSUBSCRIBE",
                      "UNSUBSCRIBE channel");
  if (strcmp(what, "unsubscribe") == 0)
    redisAsyncCommand(to, on_answer, "callback of PING", "PING");
  if (strcmp(what, "PONG") == 0)
    exit(0);
}

int main(int argc, char **argv)
{
  (void)argc;
  redisAsyncContext *to = redisAsyncConnectUnix(argv[1]);
  redisLibuvAttach(to, uv_default_loop());
  redisAsyncCommand(to, on_answer, "callback of SUBSCRIBE",
                    "SUBSCRIBE channel");
  return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
END
cc -o "$folder/unsubscribe" "$folder/unsubscribe.c" -lhiredis -luv
timeout 20 "$folder/unsubscribe" "$folder/socket" | expect hiredis \
'callback of SUBSCRIBE got subscribe
callback of SUBSCRIBE got unsubscribe
callback of PING got PONG'
