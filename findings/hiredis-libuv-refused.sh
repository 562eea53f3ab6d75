#!/bin/sh
# SPDX-License-Identifier: MIT
# hiredis 0.14.1 with its libuv adapter: when the connection is refused, neither
# the callback for connecting nor that of a command is ever called.
# Guess: the first with REDIS_ERR, as its header says and as with libevent's
# adapter. libuv reports the socket's error as a status, and the adapter
# returns at once when there is one. A time-out of one's own is needed.
. "$(dirname "$0")/lib/findings.sh"
debian gcc libc6-dev libhiredis-dev libuv1-dev libevent-dev
cat >"$folder/refused.c" <<'END'
#include <hiredis/hiredis.h>
#include <hiredis/async.h>
#ifdef WITH_LIBUV
#include <hiredis/adapters/libuv.h>
#else
#include <hiredis/adapters/libevent.h>
#endif
#include <stdio.h>
#include <stdlib.h>

static void on_connect(const redisAsyncContext *to, int status)
{
  puts(status == REDIS_OK ? "connected" : to->errstr);
  exit(0);
}

static void too_late(void)
{
  puts("nothing in 3 s");
  exit(0);
}

#ifdef WITH_LIBUV
static void on_timer(uv_timer_t *timer)
{
  (void)timer;
  too_late();
}
#else
static void on_timer(int fd, short what, void *user)
{
  (void)fd, (void)what, (void)user;
  too_late();
}
#endif

int main(int argc, char **argv)
{
  (void)argc;
  redisAsyncContext *to = redisAsyncConnect("127.0.0.1", atoi(argv[1]));
#ifdef WITH_LIBUV
  uv_timer_t timer;
  uv_timer_init(uv_default_loop(), &timer);
  uv_timer_start(&timer, on_timer, 3000, 0);
  redisLibuvAttach(to, uv_default_loop());
  redisAsyncSetConnectCallback(to, on_connect);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
#else
  struct event_base *base = event_base_new();
  struct timeval seconds = {3, 0};
  event_base_once(base, -1, EV_TIMEOUT, on_timer, NULL, &seconds);
  redisLibeventAttach(to, base);
  redisAsyncSetConnectCallback(to, on_connect);
  event_base_dispatch(base);
#endif
  return 0;
}
END
port=$(/usr/bin/python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1])')
cc -w -o "$folder/libevent" "$folder/refused.c" -lhiredis -levent
cc -w -DWITH_LIBUV -o "$folder/libuv" "$folder/refused.c" -lhiredis -luv
"$folder/libevent" "$port" | expect libevent 'Connection refused'
"$folder/libuv" "$port" | expect libuv 'nothing in 3 s'
