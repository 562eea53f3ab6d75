/* SPDX-License-Identifier: MIT
 * Sockets before the handshake is over. */
#include "edge/pending.h"

#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

/* An address, or a network that is counted together. */
struct pending_address {
  UT_hash_handle hh;
  uint32_t count, answers;
  char text[];
};

/* --- counting ----------------------------------------------------------- */

static struct pending_address *
find_pending_address(const struct pending *pending, const char *text) {
  struct pending_address *address;
  char network[NETWORK_BYTES];
  network_of(text, network);
  HASH_FIND(hh, pending->addresses, network, strlen(network), address);
  return address;
}

bool pending_has_room(const struct pending *pending, const char *text,
                      uint32_t limit) {
  const struct pending_address *address = find_pending_address(pending, text);
  return pending->count < pending->max &&
         (!limit || !address || address->count < limit);
}

bool pending_is_crowded(const struct pending_socket *socket, uint32_t limit) {
  const struct pending *pending = socket->pending;
  return pending->count > pending->max / 2 ||
         (limit && socket->address->count > limit / 2);
}

uint32_t pending_answers(const struct pending_socket *socket) {
  return socket->address->answers;
}

void pending_answer_begins(struct pending_socket *socket) {
  socket->address->answers++;
}

void pending_answer_ends(struct pending_socket *socket) {
  socket->address->answers--;
}

static struct pending_address *pending_address_ref(struct pending *pending,
                                                   const char *text) {
  struct pending_address *address = find_pending_address(pending, text);
  if (!address) {
    char network[NETWORK_BYTES];
    network_of(text, network);
    size_t len = strlen(network);
    address = mem_alloc(sizeof *address + len + 1);
    memcpy(address->text, network, len);
    HASH_ADD_KEYPTR(hh, pending->addresses, address->text, len, address);
  }
  address->count++;
  return address;
}

static void pending_address_unref(struct pending *pending,
                                  struct pending_address *address) {
  if (--address->count == 0) {
    HASH_DEL(pending->addresses, address);
    mem_free(address);
  }
}

/* --- deadlines ---------------------------------------------------------- */

static void on_pending_timer(uv_timer_t *timer);

/* The first of a list is the first of it that is due: all have waited for the
 * same time. */
static void arm_pending(struct pending *pending, uint64_t due_ms) {
  uint64_t now = uv_now(pending->timer.loop);
  if (uv_is_closing((uv_handle_t *)&pending->timer) ||
      (uv_is_active((uv_handle_t *)&pending->timer) &&
       pending->armed_ms <= due_ms))
    return;
  pending->armed_ms = due_ms;
  uv_timer_start(&pending->timer, on_pending_timer,
                 due_ms > now ? due_ms - now : 0, 0);
}

static struct pending_socket *first_waiting(struct pending *pending,
                                            enum pending_wait wait) {
  struct list *list = &pending->waiting[wait];
  return list_empty(list)
             ? NULL
             : container_of(list->next, struct pending_socket, node);
}

static void on_pending_timer(uv_timer_t *timer) {
  struct pending *pending = container_of(timer, struct pending, timer);
  uint64_t now = uv_now(timer->loop);
  struct pending_socket *socket;
  for (enum pending_wait wait = 0; wait < PENDING_WAITS; wait++)
    while ((socket = first_waiting(pending, wait)) && socket->due_ms <= now)
      pending->due(socket);
  for (enum pending_wait wait = 0; wait < PENDING_WAITS; wait++)
    if ((socket = first_waiting(pending, wait)))
      arm_pending(pending, socket->due_ms);
}

void pending_wait(struct pending_socket *socket, enum pending_wait wait) {
  struct pending *pending = socket->pending;
  socket->due_ms = uv_now(pending->timer.loop) + pending->limit_ms[wait];
  list_remove(&socket->node);
  list_push(&pending->waiting[wait], &socket->node);
  arm_pending(pending, socket->due_ms);
}

/* --- life --------------------------------------------------------------- */

void pending_init(struct pending *pending, uv_loop_t *loop) {
  for (enum pending_wait wait = 0; wait < PENDING_WAITS; wait++)
    list_init(&pending->waiting[wait]);
  uv_timer_init(loop, &pending->timer);
}

void pending_add(struct pending *pending, struct pending_socket *socket,
                 const char *address) {
  socket->pending = pending;
  socket->address = pending_address_ref(pending, address);
  strncpy(socket->ip, address, sizeof socket->ip - 1);
  socket->ip[sizeof socket->ip - 1] = '\0';
  list_init(&socket->node);
  pending->count++;
  pending_wait(socket, PENDING_REQUEST);
}

void pending_remove(struct pending_socket *socket) {
  list_remove(&socket->node);
  pending_address_unref(socket->pending, socket->address);
  socket->pending->count--;
}

void pending_close(struct pending *pending) {
  struct pending_socket *socket;
  uv_close((uv_handle_t *)&pending->timer, NULL);
  for (enum pending_wait wait = 0; wait < PENDING_WAITS; wait++)
    while ((socket = first_waiting(pending, wait)))
      pending->due(socket);
}
