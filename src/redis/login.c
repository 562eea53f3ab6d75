/* SPDX-License-Identifier: MIT
 * The first commands of a connection. */
#include "redis/login.h"

#include "redis/adapter.h"
#include "redis/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Notes the first thing that is wrong. */
static void login_fails(struct login *login, enum reply_error error,
                        const char *text) {
  if (login->why[0])
    return;
  login->error = error;
  snprintf(login->why, sizeof login->why, "%s%s%s", text,
           error && *reply_error_help(error) ? ": " : "",
           error ? reply_error_help(error) : "");
}

static void step_over(struct login *login) {
  if (--login->left == 0)
    login->done(login->arg, login);
}

static void on_needed(void *arg, const struct reply *reply, bool sent) {
  struct login *login = arg;
  (void)sent;
  if (!reply)
    return;
  if (reply->kind == REPLY_ERROR)
    login_fails(login, reply_error(reply), reply->text);
  step_over(login);
}

/* What an ACL may forbid. */
static void on_wished(void *arg, const struct reply *reply, bool sent) {
  struct login *login = arg;
  (void)sent;
  if (reply)
    step_over(login);
}

static void on_role(void *arg, const struct reply *reply, bool sent) {
  struct login *login = arg;
  (void)sent;
  if (!reply)
    return;
  struct reply role = reply_at(reply, 0);
  if (reply->kind == REPLY_LIST && !reply_is(&role, "master"))
    login_fails(login, REPLY_READONLY, "it is not a master");
  step_over(login);
}

/* The value of `name:` in what INFO says. */
static void info_value(const char *info, const char *name, char *out,
                       size_t cap) {
  const char *at = strstr(info, name);
  *out = '\0';
  if (!at)
    return;
  at += strlen(name);
  size_t len = strcspn(at, "\r\n");
  if (len < cap)
    snprintf(out, cap, "%.*s", (int)len, at);
}

/* Sharded channels are there from 7.0 on. */
static void check_kind(struct login *login, bool in_cluster) {
  bool wanted = login->options->url->cluster;
  if (in_cluster && !wanted)
    login_fails(login, REPLY_NO_ERROR,
                "it is a node of a cluster: write redis+cluster:// in "
                "redis.url");
  else if (!in_cluster && wanted)
    login_fails(login, REPLY_NO_ERROR,
                "it is no node of a cluster: write redis:// in redis.url");
  else if (wanted && *login->version && atoi(login->version) < 7)
    login_fails(login, REPLY_NO_ERROR,
                "a cluster has to be of Redis 7.0 or later");
}

/* Of CLUSTER INFO. */
static void on_cluster_state(void *arg, const struct reply *reply, bool sent) {
  struct login *login = arg;
  (void)sent;
  if (!reply)
    return;
  if (reply->kind == REPLY_TEXT && !strstr(reply->text, "cluster_state:ok"))
    login_fails(login, REPLY_CLUSTERDOWN, "the cluster is down");
  step_over(login);
}

static void on_info(void *arg, const struct reply *reply, bool sent) {
  struct login *login = arg;
  char value[32];
  (void)sent;
  if (!reply)
    return;
  info_value(reply->text, "\nredis_version:", login->version,
             sizeof login->version);
  info_value(reply->text, "\ncluster_enabled:", value, sizeof value);
  if (*value)
    check_kind(login, strcmp(value, "1") == 0);
  info_value(reply->text, "\nmaxmemory_policy:", value, sizeof value);
  login->evicts = *value && strcmp(value, "noeviction") != 0;
  step_over(login);
}

static int send_step(struct login *login, adapter_answer_fn *answer,
                     const struct slice *words, size_t count) {
  struct buf text = {0};
  words_put(&text, words, count);
  int rc = adapter_send(login->adapter, text.data, text.len, answer, login);
  if (text.data)
    explicit_bzero(text.data, text.len); /* it may be the password */
  buf_free(&text);
  if (rc == 0)
    login->left++;
  return rc;
}

static int send_identity(struct login *login) {
  const struct redis_url *url = login->options->url;
  struct slice auth[3] = {word("AUTH")};
  size_t count = 1;
  if (url->user)
    auth[count++] = word(url->user);
  if (url->password) {
    auth[count++] = word(url->password);
    int rc = send_step(login, on_needed, auth, count);
    if (rc < 0)
      return rc;
  }
  struct slice name[] = {word("CLIENT"), word("SETNAME"),
                         word(login->options->name)};
  return send_step(login, on_wished, name, ARRAY_SIZE(name));
}

/* DBSIZE is refused by a server that is loading its data, other than what
 * stands before it. */
static int send_questions(struct login *login) {
  char number[16];
  int rc = 0;
  snprintf(number, sizeof number, "%d", login->options->url->db);
  struct slice database[] = {word("SELECT"), word(number)};
  struct slice role = word("ROLE"), info = word("INFO"), size = word("DBSIZE");
  struct slice state[] = {word("CLUSTER"), word("INFO")};
  if (login->options->url->db > 0)
    rc = send_step(login, on_needed, database, ARRAY_SIZE(database));
  if (rc == 0)
    rc = send_step(login, on_role, &role, 1);
  if (rc == 0)
    rc = send_step(login, on_info, &info, 1);
  if (rc == 0 && login->options->url->cluster)
    rc = send_step(login, on_cluster_state, state, ARRAY_SIZE(state));
  if (rc == 0)
    rc = send_step(login, on_needed, &size, 1);
  return rc;
}

static int send_scripts(struct login *login) {
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < login->options->script_count; i++) {
    const struct link_script *script = &login->options->scripts[i];
    struct slice load[] = {
        word("SCRIPT"), word("LOAD"), {script->text, script->len}};
    rc = send_step(login, on_needed, load, ARRAY_SIZE(load));
  }
  return rc;
}

int login_start(struct login *login, struct adapter *adapter,
                const struct login_options *options,
                void (*done)(void *arg, struct login *login), void *arg) {
  *login = (struct login){
      .options = options, .adapter = adapter, .done = done, .arg = arg};
  int rc = send_identity(login);
  if (rc == 0 && !options->subscriber)
    rc = send_questions(login);
  if (rc == 0 && !options->subscriber)
    rc = send_scripts(login);
  return rc;
}
