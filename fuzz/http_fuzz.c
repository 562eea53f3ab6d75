/* SPDX-License-Identifier: MIT
 * Whatever is asked over HTTP, it is answered in order, and nothing is left.
 *
 * Two workers, one with TLS, and an admin address live in this process, without
 * their threads: the target turns their loops. Each input is one client. Its
 * first byte says where it connects (enum place, in the two lowest bits) and
 * how it ends; the second how the bytes are cut into chunks, between which the
 * loops turn. The rest is what it sends: requests, one behind the other.
 *
 * What comes back is HTTP/1.1 and not more answers than there may be requests;
 * or nothing, from a place that waits for more. When the client has gone, its
 * socket is, too, and another one is answered. */
#include "living.h"

#include "base/log.h"
#include "edge/admin.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <signal.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum place { PLAIN, SECURE, ADMIN, PLACES };

enum {
  PLACE_MASK = 3,
  END_WITH_FIN = 4,
  CHUNKS_MAX = 32,
  PATIENCE_MS = 5000, /* after which something hangs */
  TURNS_MAX = 300,
  QUIET_TURNS = 6,
  PIECE = 16384,
};

static struct worker workers[2];
static struct mailbox home; /* nobody opens what the workers write */
static struct admin admin;
static uv_loop_t admin_loop;
static int listener; /* of the workers: accepted from by hand */
static struct sockaddr_in address;
static SSL_CTX *client_tls;

struct peer {
  int fd;
  enum place place;
  SSL *tls;
  bool ended; /* the server has closed */
  struct buf got;
};

/* --- the server --------------------------------------------------------- */

static void on_figures(void *arg, struct admin_request *request) {
  struct buf body = {0};
  (void)arg;
  buf_puts(&body, "figures\n");
  admin_answer(request, 200, "text/plain", &body);
}

static void on_stats(void *arg, struct admin_request *request, bool collect) {
  (void)collect;
  on_figures(arg, request);
}

static void on_reload(void *arg, struct admin_request *request, bool check,
                      bool all) {
  (void)check;
  (void)all;
  on_figures(arg, request);
}

static unsigned on_health(void *arg, struct buf *text) {
  (void)arg;
  buf_puts(text, "ok\n");
  return 200;
}

static const struct admin_calls calls = {.health = on_health,
                                         .metrics = on_figures,
                                         .stats = on_stats,
                                         .reload = on_reload};

/* Signs itself. */
static void write_certificate(const char *path) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *cert = X509_new();
  FILE *file = fopen(path, "w");
  require(key && cert && file);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), 0);
  X509_gmtime_adj(X509_getm_notAfter(cert), 24L * 3600);
  X509_set_pubkey(cert, key);
  require(X509_sign(cert, key, EVP_sha256()) > 0);
  require(PEM_write_X509(file, cert) &&
          PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
  fclose(file);
  X509_free(cert);
  EVP_PKEY_free(key);
}

static const struct config *new_config(const char *pem) {
  static char cert[256], key[256];
  static char *flags[] = {"--config=/dev/null",
                          "--auth.secret=0123456789abcdef0123456789abcdef",
                          "--origins=*",
                          "--public=fuzz/corpus/http",
                          "--limits.handshakes_per_s=0",
                          "--limits.per_ip=0",
                          "--raw.path=/raw",
                          "--limits.store_mb=1",
                          cert,
                          key};
  snprintf(cert, sizeof cert, "--tls.cert=%s", pem);
  snprintf(key, sizeof key, "--tls.key=%s", pem);
  return living_config(flags, ARRAY_SIZE(flags));
}

static void start(void) {
  char pem[] = "/tmp/http_fuzz.XXXXXX";
  struct buf error = {0};
  close(mkstemp(pem));
  write_certificate(pem);
  mailbox_init(&home, uv_default_loop(), NULL);
  living_start(&workers[PLAIN], &home, new_config(""), true);
  living_start(&workers[SECURE], &home, new_config(pem), true);
  unlink(pem);
  uv_loop_init(&admin_loop);
  require(!admin_open(&admin, "127.0.0.1:0", &admin_loop, &error));
  admin_start(&admin, &admin_loop, &calls, NULL);
  client_tls = SSL_CTX_new(TLS_client_method());
  listener = living_listen(&address);
}

static const struct visitors *visitors_of(enum place place) {
  return place == ADMIN ? &admin.door.visitors
                        : &workers[place].edge.door.visitors;
}

static const struct relays *relays_of(enum place place) {
  return place == ADMIN ? &admin.relays : &workers[place].edge.relays;
}

/* Whether nothing of any client is left. */
static bool is_alone(enum place place) {
  return visitors_of(place)->pending.count == 0 &&
         relays_of(place)->count == 0 &&
         (place == ADMIN || (workers[place].protocol.manager.alive == 0 &&
                             workers[place].edge.web.count == 0));
}

/* --- clients ------------------------------------------------------------ */

static struct sockaddr_in admin_address(void) {
  struct sockaddr_in to = {.sin_family = AF_INET};
  socklen_t len = sizeof to;
  require(!getsockname(admin.fd, (struct sockaddr *)&to, &len));
  return to;
}

static void turn_loop(enum place place) {
  uv_run(place == ADMIN ? &admin_loop : &workers[place].loop, UV_RUN_NOWAIT);
}

static struct peer connect_peer(enum place place) {
  struct sockaddr_in to = place == ADMIN ? admin_address() : address;
  struct peer peer = {.fd = socket(AF_INET, SOCK_STREAM, 0), .place = place};
  require(!connect(peer.fd, (struct sockaddr *)&to, sizeof to));
  if (place != ADMIN) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    require(fd >= 0);
    edge_adopt_take(&workers[place].edge, fd);
  }
  fcntl(peer.fd, F_SETFL, O_NONBLOCK);
  if (place != SECURE)
    return peer;
  peer.tls = SSL_new(client_tls);
  SSL_set_fd(peer.tls, peer.fd);
  for (int i = 0; i < TURNS_MAX && SSL_connect(peer.tls) != 1; i++)
    turn_loop(place);
  require(SSL_is_init_finished(peer.tls));
  return peer;
}

static ssize_t peer_read(struct peer *peer, void *out, size_t cap) {
  if (!peer->tls)
    return recv(peer->fd, out, cap, MSG_DONTWAIT);
  int n = SSL_read(peer->tls, out, (int)cap);
  if (n > 0)
    return n;
  errno = EAGAIN;
  return SSL_get_error(peer->tls, n) == SSL_ERROR_WANT_READ ? -1 : 0;
}

static ssize_t peer_write(struct peer *peer, const void *bytes, size_t len) {
  if (!peer->tls)
    return send(peer->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
  return SSL_write(peer->tls, bytes, (int)len);
}

static void turn(struct peer *peer) {
  ssize_t n;
  turn_loop(peer->place);
  do {
    n = peer_read(peer, buf_reserve(&peer->got, PIECE), PIECE);
    if (n > 0)
      peer->got.len += (size_t)n;
  } while (n > 0);
  peer->ended = peer->ended || n == 0 || (errno != EAGAIN && errno != EINTR);
}

/* Turns until nothing is said any more. */
static void settle(struct peer *peer) {
  int quiet = 0;
  for (int i = 0; i < TURNS_MAX && quiet < QUIET_TURNS && !peer->ended; i++) {
    size_t before = peer->got.len;
    turn(peer);
    quiet = peer->got.len == before ? quiet + 1 : 0;
  }
}

static void say(struct peer *peer, const void *bytes, size_t len) {
  const char *at = bytes, *end = at + len;
  for (int i = 0; i < TURNS_MAX && at < end && !peer->ended; i++) {
    ssize_t n = peer_write(peer, at, (size_t)(end - at));
    at += n > 0 ? n : 0;
    turn(peer);
  }
}

/* Hangs up, and waits until the server has forgotten all of it. */
static void end(struct peer *peer, bool with_fin) {
  const struct linger reset = {.l_onoff = 1}; /* nothing stays in TIME_WAIT */
  uint64_t started_ms = uv_hrtime() / 1000000;
  if (with_fin) {
    shutdown(peer->fd, SHUT_WR);
    settle(peer);
  }
  setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  SSL_free(peer->tls);
  close(peer->fd);
  while (!is_alone(peer->place)) {
    turn_loop(peer->place);
    require(uv_hrtime() / 1000000 - started_ms < PATIENCE_MS);
  }
  buf_free(&peer->got);
}

/* --- answers ------------------------------------------------------------ */

static size_t count(const void *bytes, size_t len, const char *what) {
  const char *at = bytes, *stop = at + len;
  size_t found = 0;
  while (at < stop &&
         (at = memmem(at, (size_t)(stop - at), what, strlen(what)))) {
    at += strlen(what);
    found++;
  }
  return found;
}

/* Each request takes an empty line at least, and may be told to go on before
 * its answer; what is none has one answer. */
static void check_answers(const struct peer *peer, const uint8_t *asked,
                          size_t len) {
  const struct buf *got = &peer->got;
  if (got->len == 0)
    return;
  require(got->len >= 12 && memcmp(got->data, "HTTP/1.1 ", 9) == 0);
  if (memcmp(got->data + 9, "101", 3) == 0)
    return; /* frames follow: for stream_fuzz */
  size_t lines = count(asked, len, "\n\r\n") + count(asked, len, "\n\n");
  require(count(got->data, got->len, "HTTP/1.1 ") <= 2 * lines + 2);
}

static void check_service(enum place place) {
  static const char ask[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
                            "Connection: close\r\n\r\n";
  struct peer peer = connect_peer(place);
  uint64_t started_ms = uv_hrtime() / 1000000;
  say(&peer, ask, sizeof ask - 1);
  while (!peer.ended) {
    turn(&peer);
    require(uv_hrtime() / 1000000 - started_ms < PATIENCE_MS);
  }
  require(peer.got.len > 0 && memcmp(peer.got.data, "HTTP/1.1 200", 12) == 0);
  end(&peer, false);
}

/* --- an input ----------------------------------------------------------- */

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  living_add_flag(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  log_setup(LOG_ERROR, LOG_TEXT);
  start();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  enum place place = (data[0] & PLACE_MASK) % PLACES;
  struct peer peer = connect_peer(place);
  const uint8_t *at = data + 2;
  size_t left = size - 2, chunk = data[1] ? data[1] : left;
  if (chunk < left / CHUNKS_MAX)
    chunk = left / CHUNKS_MAX;
  while (left > 0) {
    size_t len = left < chunk ? left : chunk;
    say(&peer, at, len);
    at += len;
    left -= len;
  }
  settle(&peer);
  check_answers(&peer, data + 2, size - 2);
  end(&peer, data[0] & END_WITH_FIN);
  check_service(place);
  return 0;
}
