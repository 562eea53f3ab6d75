/* SPDX-License-Identifier: MIT
 * HTTP requests with libcurl's multi interface on a libuv loop.
 *
 * libcurl says which sockets and which timer it waits for; when one of them
 * is ready, we tell it. Inside that call it calls back, and nothing may be
 * started or ended there. So the callbacks only note things, and `take_ended`
 * takes the results afterwards: a `done` may start and free as it likes.
 *
 * The time of a request is kept here and not by libcurl, which forgets it for
 * those that wait for a connection (per_host). One timer serves all: it is
 * set for the next deadline and looks at every request when it fires.
 *
 * libcurl looks names up in threads, since Debian builds it without c-ares: a
 * look-up that takes its time holds one. Without QUICK_EXIT libcurl would
 * wait for that thread, and the whole loop with it, when a request is given
 * up meanwhile. */
#include "net/fetch.h"

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/fetch_head.h"
#include "net/fetch_setup.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Connections that are kept for the next request. */
enum { KEPT_CONNECTIONS = 64 };

struct fetcher {
  uv_loop_t *loop;
  CURLM *multi;        /* NULL after fetcher_close */
  uv_timer_t timer;    /* of libcurl */
  uv_timer_t deadline; /* of the request that has the least time left */
  uint64_t due_ms;     /* when `deadline` fires; 0: it is not set */
  struct list fetches; /* under way */
  struct list late;    /* under way as well, but out of time */
  struct fetch_limits limits;
  char *ca_file;
  uint32_t count; /* of fetches under way */
};

struct fetch {
  struct list node;
  struct fetcher *fetcher; /* NULL: it is over */
  CURL *easy;              /* NULL: it is over */
  struct curl_slist *lines;
  uint64_t timeout_ms, deadline_ms;
  size_t max_bytes;
  const char *too_large; /* what was; NULL: nothing */
  size_t most;           /* bytes that it may have */
  fetch_done_fn *done;
  void *arg;
  struct fetch_result result;
  struct fetch_head head;
  struct buf body;
  char error[CURL_ERROR_SIZE];
};

/* A socket that libcurl waits for. */
struct watch {
  uv_poll_t poll;
  struct fetcher *fetcher;
  curl_socket_t fd;
};

/* --- how it ended ------------------------------------------------------- */

static void take_answer(struct fetch *fetch) {
  struct fetch_result *result = &fetch->result;
  long status = 0;
  curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
  result->status = (int)status;
  result->headers =
      (struct fetch_headers){fetch->head.text.data, fetch->head.text.len};
  result->body_len = fetch->body.len;
  if (fetch->body.data)
    result->body = fetch->body.data;
}

/* The request is no longer under way. */
static void detach(struct fetch *fetch) {
  struct fetcher *fetcher = fetch->fetcher;
  if (!fetcher)
    return;
  curl_multi_remove_handle(fetcher->multi, fetch->easy);
  curl_easy_cleanup(fetch->easy);
  curl_slist_free_all(fetch->lines);
  list_remove(&fetch->node);
  fetcher->count--;
  fetch->fetcher = NULL;
  fetch->easy = NULL;
  fetch->lines = NULL;
}

/* The fetch may be freed when this returns. */
static void end_fetch(struct fetch *fetch, enum fetch_code code) {
  fetch->result.code = code;
  fetch->result.text = fetch->error;
  detach(fetch);
  fetch->done(fetch, fetch->arg);
}

static void end_with(struct fetch *fetch, CURLcode code) {
  if (code == CURLE_OK)
    take_answer(fetch);
  else if (fetch->too_large)
    snprintf(fetch->error, sizeof fetch->error, "%s more than %zu bytes",
             fetch->too_large, fetch->most);
  else if (!fetch->error[0])
    snprintf(fetch->error, sizeof fetch->error, "%s", curl_easy_strerror(code));
  end_fetch(fetch, fetch_code_of(code, fetch->too_large != NULL));
}

/* Outside of libcurl: takes what has ended. */
static void take_ended(struct fetcher *fetcher) {
  CURLMsg *message;
  int left;
  while (fetcher->multi && /* a `done` may end it */
         (message = curl_multi_info_read(fetcher->multi, &left))) {
    struct fetch *fetch = NULL;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
    end_with(fetch, message->data.result);
  }
}

/* --- libcurl on the loop ------------------------------------------------ */

static void on_socket_ready(uv_poll_t *poll, int status, int events) {
  const struct watch *watch = container_of(poll, struct watch, poll);
  struct fetcher *fetcher = watch->fetcher; /* the watch may be gone below */
  int ready = status < 0 ? CURL_CSELECT_ERR : 0, running;
  if (events & UV_READABLE)
    ready |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE)
    ready |= CURL_CSELECT_OUT;
  curl_multi_socket_action(fetcher->multi, watch->fd, ready, &running);
  take_ended(fetcher);
}

static void on_curl_timer(uv_timer_t *timer) {
  struct fetcher *fetcher = container_of(timer, struct fetcher, timer);
  int running;
  curl_multi_socket_action(fetcher->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  take_ended(fetcher);
}

static int on_want_timer(CURLM *multi, long ms, void *arg) {
  struct fetcher *fetcher = arg;
  (void)multi;
  if (ms < 0)
    uv_timer_stop(&fetcher->timer);
  else
    uv_timer_start(&fetcher->timer, on_curl_timer, (uint64_t)ms, 0);
  return 0;
}

static struct watch *new_watch(struct fetcher *fetcher, curl_socket_t fd) {
  struct watch *watch = mem_alloc(sizeof *watch);
  watch->fetcher = fetcher;
  watch->fd = fd;
  int err = uv_poll_init(fetcher->loop, &watch->poll, fd);
  if (err) { /* the request will run into its timeout */
    log_error("fetch: a socket cannot be watched: %s", uv_strerror(err));
    mem_free(watch);
    return NULL;
  }
  curl_multi_assign(fetcher->multi, fd, watch);
  return watch;
}

static void on_watch_closed(uv_handle_t *handle) {
  mem_free(container_of((uv_poll_t *)handle, struct watch, poll));
}

/* A negative result would make libcurl give up all requests, for good. */
static int on_want_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                          void *known) {
  struct watch *watch = known;
  int events = 0;
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    if (watch)
      uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
    return 0;
  }
  if (!watch)
    watch = new_watch(arg, fd);
  if (!watch)
    return 0;
  if (what & CURL_POLL_IN)
    events |= UV_READABLE;
  if (what & CURL_POLL_OUT)
    events |= UV_WRITABLE;
  uv_poll_start(&watch->poll, events, on_socket_ready);
  return 0;
}

/* --- deadlines ---------------------------------------------------------- */

static void on_next_deadline(uv_timer_t *timer);

static void set_next_deadline(struct fetcher *fetcher, uint64_t due_ms) {
  uint64_t now = uv_now(fetcher->loop);
  fetcher->due_ms = due_ms;
  uv_timer_start(&fetcher->deadline, on_next_deadline,
                 due_ms > now ? due_ms - now : 0, 0);
}

static void on_next_deadline(uv_timer_t *timer) {
  struct fetcher *fetcher = container_of(timer, struct fetcher, deadline);
  uint64_t now = uv_now(fetcher->loop), next = UINT64_MAX;
  struct list *node;
  LIST_FOREACH_SAFE (it, &fetcher->fetches) {
    struct fetch *fetch = container_of(it, struct fetch, node);
    if (fetch->deadline_ms <= now) {
      list_remove(it);
      list_push(&fetcher->late, it);
    } else if (fetch->deadline_ms < next) {
      next = fetch->deadline_ms;
    }
  }
  fetcher->due_ms = 0;
  if (next < UINT64_MAX)
    set_next_deadline(fetcher, next);
  while ((node = list_shift(&fetcher->late))) {
    struct fetch *fetch = container_of(node, struct fetch, node);
    snprintf(fetch->error, sizeof fetch->error, "not done after %g s",
             (double)fetch->timeout_ms / 1000.0);
    end_fetch(fetch, FETCH_TIMEOUT);
  }
}

/* --- one request -------------------------------------------------------- */

static size_t on_body(char *data, size_t size, size_t count, void *arg) {
  struct fetch *fetch = arg;
  size_t len = size * count;
  if (len > fetch->max_bytes - fetch->body.len) {
    fetch->too_large = "the body has";
    fetch->most = fetch->max_bytes;
    return 0; /* not all: libcurl gives up */
  }
  buf_put(&fetch->body, data, len);
  return len;
}

/* libcurl keeps headers, too, but asks its whole list for each one that it
 * hands out. */
static size_t on_head(char *line, size_t size, size_t count, void *arg) {
  struct fetch *fetch = arg;
  size_t len = size * count;
  if (!fetch_head_take(&fetch->head, line, len)) {
    fetch->too_large = "the headers take";
    fetch->most = FETCH_HEAD_BYTES;
    return 0;
  }
  return len;
}

/* Inside of libcurl these are called; the rest is fetch_setup's. */
static int set_callbacks(struct fetch *fetch) {
  CURL *easy = fetch->easy;
  int bad = 0;
  bad |= (int)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->error);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
  return bad;
}

/* --- life --------------------------------------------------------------- */

struct fetcher *fetcher_new(uv_loop_t *loop,
                            const struct fetch_limits *limits) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT))
    return NULL;
  CURLM *multi = curl_multi_init();
  if (!multi) {
    curl_global_cleanup();
    return NULL;
  }
  struct fetcher *fetcher = mem_alloc(sizeof *fetcher);
  fetcher->loop = loop;
  fetcher->multi = multi;
  fetcher->limits = *limits;
  if (limits->ca_file && *limits->ca_file)
    fetcher->ca_file = mem_strdup(limits->ca_file);
  list_init(&fetcher->fetches);
  list_init(&fetcher->late);
  uv_timer_init(loop, &fetcher->timer);
  uv_timer_init(loop, &fetcher->deadline);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_want_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, fetcher);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_want_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, fetcher);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                    (long)limits->per_host);
  return fetcher;
}

/* Ends them without a word. */
static void abandon_all(struct list *fetches) {
  struct list *node;
  while ((node = list_shift(fetches))) {
    struct fetch *fetch = container_of(node, struct fetch, node);
    fetch->result.code = FETCH_FAILED;
    fetch->result.text = "the server is ending";
    detach(fetch);
  }
}

void fetcher_close(struct fetcher *fetcher) {
  if (!fetcher)
    return;
  abandon_all(&fetcher->fetches);
  abandon_all(&fetcher->late);
  curl_multi_cleanup(fetcher->multi);
  fetcher->multi = NULL;
  uv_close((uv_handle_t *)&fetcher->timer, NULL);
  uv_close((uv_handle_t *)&fetcher->deadline, NULL);
}

void fetcher_free(struct fetcher *fetcher) {
  if (!fetcher)
    return;
  mem_free(fetcher->ca_file);
  mem_free(fetcher);
  curl_global_cleanup();
}

static struct fetch *new_fetch(struct fetcher *fetcher,
                               const struct fetch_request *r) {
  struct fetch *fetch = mem_alloc(sizeof *fetch);
  fetch->fetcher = fetcher;
  fetch->timeout_ms = r->timeout_ms;
  /* The loop may be behind the clock: a script may have computed for long. */
  fetch->deadline_ms = uv_hrtime() / 1000000 + r->timeout_ms;
  fetch->max_bytes = r->max_bytes;
  fetch->done = r->done;
  fetch->arg = r->arg;
  fetch->result.body = "";
  list_push(&fetcher->fetches, &fetch->node);
  fetcher->count++;
  return fetch;
}

enum fetch_code fetch_start(struct fetcher *fetcher,
                            const struct fetch_request *request,
                            struct fetch **out, const char **why) {
  if ((*why = fetch_check_url(request->url)))
    return FETCH_BAD_URL;
  if (fetcher->count >= fetcher->limits.at_once) {
    *why = "fetch.at_once requests are under way already";
    return FETCH_TOO_MANY;
  }
  *why = fetcher->multi ? "libcurl cannot start it" : "the server is ending";
  CURL *easy = fetcher->multi ? curl_easy_init() : NULL;
  if (!easy)
    return FETCH_FAILED;
  struct fetch *fetch = new_fetch(fetcher, request);
  fetch->easy = easy;
  if (set_callbacks(fetch) ||
      fetch_setup(easy, request, fetcher->ca_file, &fetch->lines) ||
      (!request->held && curl_multi_add_handle(fetcher->multi, easy))) {
    fetch_free(fetch);
    return FETCH_FAILED;
  }
  if (!fetcher->due_ms || fetch->deadline_ms < fetcher->due_ms)
    set_next_deadline(fetcher, fetch->deadline_ms);
  *why = NULL;
  *out = fetch;
  return FETCH_OK;
}

/* One that libcurl refuses now ends with its deadline. */
void fetch_go(struct fetch *fetch) {
  if (fetch->fetcher &&
      curl_multi_add_handle(fetch->fetcher->multi, fetch->easy))
    log_error("fetch: libcurl does not start a request");
}

const struct fetch_result *fetch_result(const struct fetch *fetch) {
  return &fetch->result;
}

void fetch_free(struct fetch *fetch) {
  if (!fetch)
    return;
  detach(fetch);
  fetch_head_free(&fetch->head);
  buf_free(&fetch->body);
  mem_free(fetch);
}
