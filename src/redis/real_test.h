/* SPDX-License-Identifier: MIT
 * For tests: real Redis servers, each in a folder of its own on a free port of
 * 127.0.0.1. Include it after cmocka.h. */
#ifndef REDIS_REAL_TEST_H
#define REDIS_REAL_TEST_H

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "redis/link.h"
#include "redis/words.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct real {
  int port;
  pid_t pid; /* 0: it does not run */
  char folder[64];
  char path[96]; /* of its Unix socket */
};

/* A port that nobody has now. */
static inline int free_port(void) {
  struct sockaddr_in addr = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof addr;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
  close(fd);
  return ntohs(addr.sin_port);
}

/* Says one command, waiting; the caller frees the answer. NULL: no answer. */
static inline redisReply *real_ask(int port, const char *password,
                                   const char *command) {
  struct timeval wait = {2, 0};
  redisContext *redis = redisConnectWithTimeout("127.0.0.1", port, wait);
  redisReply *reply = NULL;
  if (redis && !redis->err) {
    redisSetTimeout(redis, wait);
    if (password)
      freeReplyObject(redisCommand(redis, "AUTH %s", password));
    reply = redisCommand(redis, command);
  }
  if (redis)
    redisFree(redis);
  return reply;
}

static inline void real_say(struct real *real, const char *command) {
  redisReply *reply = real_ask(real->port, NULL, command);
  assert_non_null(reply);
  if (reply->type == REDIS_REPLY_ERROR)
    fail_msg("%s: %s", command, reply->str);
  freeReplyObject(reply);
}

static inline void real_wait(struct real *real) {
  for (int i = 0; i < 1000; i++) {
    redisReply *reply = real_ask(real->port, NULL, "PING");
    if (reply) {
      freeReplyObject(reply);
      return;
    }
    assert_int_equal(waitpid(real->pid, NULL, WNOHANG), 0);
    usleep(10000);
  }
  fail_msg("redis-server does not start");
}

/* Starts redis-server with a configuration; `mode` is NULL or "--sentinel". It
 * ends with this test. */
static inline void real_run(struct real *real, const char *config,
                            const char *mode) {
  char file[128];
  snprintf(file, sizeof file, "%s/redis.conf", real->folder);
  FILE *out = fopen(file, "w");
  assert_non_null(out);
  fprintf(out, "port %d\nbind 127.0.0.1\ndir %s\nlogfile %s/log\n%s\n",
          real->port, real->folder, real->folder, config);
  fclose(out);
  real->pid = fork();
  if (real->pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("redis-server", "redis-server", file, mode, NULL);
    _exit(127);
  }
  real_wait(real);
}

static inline void real_make(struct real *real) {
  *real = (struct real){.port = free_port()};
  strcpy(real->folder, "/tmp/perigee-redis-XXXXXX");
  assert_non_null(mkdtemp(real->folder));
  snprintf(real->path, sizeof real->path, "%s/redis.sock", real->folder);
}

static inline void real_start(struct real *real, const char *config) {
  char text[1024];
  if (!real->folder[0])
    real_make(real);
  snprintf(text, sizeof text,
           "unixsocket %s\nsave \"\"\nappendonly no\nenable-debug-command yes\n"
           "repl-diskless-sync-delay 0\n%s",
           real->path, config ? config : "");
  real_run(real, text, NULL);
}

static inline void real_kill(struct real *real, int sig) {
  kill(real->pid, sig);
  if (sig == SIGKILL || sig == SIGTERM) {
    kill(real->pid, SIGCONT);
    waitpid(real->pid, NULL, 0);
    real->pid = 0;
  }
}

static inline void real_end(struct real *real) {
  char command[128];
  if (real->pid)
    real_kill(real, SIGKILL);
  snprintf(command, sizeof command, "rm -rf %s", real->folder);
  assert_int_equal(system(command), 0);
}

#endif
