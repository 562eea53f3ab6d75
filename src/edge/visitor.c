/* SPDX-License-Identifier: MIT
 * Visitors. */
#include "edge/visitor.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/turn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
  KIND_BYTES = 128,
  /* In which one more request comes. The pools of proxies keep sockets for up
   * to 60 s, and should be the first to end one. */
  NEXT_MS = 75000,
  END_MS = 2000,           /* in which the peer hangs up */
  END_BYTES_MAX = 1 << 20, /* that are dropped meanwhile */
  MOVED_BYTES_MIN = 65536, /* of an answer, for another moment of time */
};

void visitors_say(struct visitors *visitors, const char *ip, unsigned status,
                  const char *text) {
  char kind[KIND_BYTES];
  unsigned kept;
  snprintf(kind, sizeof kind, "%u %s", status, text);
  if (!quiet_may_say(visitors->quiet, kind,
                     uv_now(visitors->pending.timer.loop), &kept))
    return;
  log_info("request refused status=%u ip=%s unsaid=%u %.*s", status, ip, kept,
           (int)strcspn(text, "\n"), text);
}

void visitor_set_state(struct visitor *visitor, enum visitor_state state) {
  static const bool allowed[5][5] = {
      [VISITOR_TLS] = {[VISITOR_HEAD] = true, [VISITOR_ANSWER] = true},
      [VISITOR_HEAD] = {[VISITOR_TLS] = true, /* before anything was read */
                        [VISITOR_LENT] = true,
                        [VISITOR_ANSWER] = true,
                        [VISITOR_END] = true},
      [VISITOR_LENT] = {[VISITOR_HEAD] = true,
                        [VISITOR_ANSWER] = true,
                        [VISITOR_END] = true},
      [VISITOR_ANSWER] = {[VISITOR_END] = true},
  };
  if (!allowed[visitor->state][state])
    log_fatal("a visitor went from state %d to %d", (int)visitor->state,
              (int)state);
  visitor->state = state;
}

/* --- the end ------------------------------------------------------------ */

static void end_loan(struct visitor *visitor) {
  const struct answerer *answerer = visitor->answerer;
  visitor->answerer = NULL;
  if (answerer)
    answerer->over(visitor->loan);
}

struct transport visitor_take(struct visitor *visitor) {
  return transport_move(&visitor->transport, visitor->visitors->poller);
}

void visitor_free(struct visitor *visitor) {
  end_loan(visitor);
  list_remove(&visitor->node);
  pending_remove(&visitor->socket);
  transport_close(&visitor->transport, visitor->visitors->poller);
  buf_free(&visitor->in);
  buf_free(&visitor->out);
  mem_free(visitor);
}

static void on_visitor_ready(struct poller_item *item, uint32_t events);

bool visitor_want(struct visitor *visitor, uint32_t events) {
  struct poller *poller = visitor->visitors->poller;
  struct poller_item *watch = &visitor->transport.watch;
  if (watch->ready) {
    poller_change(poller, watch, events);
  } else if (poller_add(poller, watch, events, on_visitor_ready)) {
    visitor_free(visitor);
    return false;
  }
  return true;
}

/* What the peer still sends is nobody's. */
static void drop_input(struct visitor *visitor) {
  ssize_t n;
  while ((n = recv(visitor->transport.watch.fd, visitor->visitors->input,
                   TRANSPORT_BLOCK_BYTES, 0)) > 0) {
    visitor->moved += (size_t)n;
    if (visitor->moved > END_BYTES_MAX)
      break;
  }
  if (n < 0 && errno == EAGAIN)
    visitor_want(visitor, EPOLLIN);
  else
    visitor_free(visitor);
}

void visitor_hang_up(struct visitor *visitor) {
  visitor_set_state(visitor, VISITOR_END);
  visitor->moved = 0;
  buf_free(&visitor->in);
  buf_free(&visitor->out);
  transport_shut(&visitor->transport);
  pending_wait(&visitor->socket, PENDING_END);
  drop_input(visitor);
}

/* --- answers ------------------------------------------------------------ */

void visitor_lend(struct visitor *visitor, const struct answerer *answerer,
                  void *loan) {
  visitor_set_state(visitor, VISITOR_LENT);
  visitor->answerer = answerer;
  visitor->loan = loan;
  visitor->moved = 0;
  buf_free(&visitor->in);
}

void visitor_moved(struct visitor *visitor, size_t bytes) {
  visitor->moved += bytes;
  if (visitor->moved < MOVED_BYTES_MIN)
    return;
  visitor->moved = 0;
  pending_wait(&visitor->socket, PENDING_ANSWER);
}

/* Not at once: who asks without an end would be answered here. */
void visitor_done_take(struct visitor *visitor, struct buf ahead) {
  end_loan(visitor);
  if (visitor->last) {
    buf_free(&ahead);
    visitor_hang_up(visitor);
    return;
  }
  visitor_set_state(visitor, VISITOR_HEAD);
  pending_wait(&visitor->socket, PENDING_NEXT);
  visitor->in = ahead;
  visitor->ahead = ahead.len > 0;
  bool more = visitor->ahead || transport_has_more(&visitor->transport);
  if (visitor_want(visitor, more ? 0 : (uint32_t)EPOLLIN) && more)
    list_push(&visitor->visitors->fresh, &visitor->node);
}

static void write_refusal(struct visitor *visitor) {
  size_t left = visitor->out.len - visitor->written;
  ssize_t n = transport_write(&visitor->transport,
                              visitor->out.data + visitor->written, left);
  if (n < 0) {
    visitor_free(visitor);
    return;
  }
  visitor->written += (size_t)n;
  if ((size_t)n == left && !transport_is_full(&visitor->transport))
    visitor_hang_up(visitor);
  else
    visitor_want(visitor, EPOLLOUT);
}

void visitor_answer(struct visitor *visitor, const struct refusal *refusal) {
  struct buf text = {0}; /* the words may stand in what is freed here */
  refusal_write(&text, refusal, visitor->head);
  end_loan(visitor);
  buf_free(&visitor->in);
  buf_free(&visitor->out);
  visitor->out = text;
  visitor->written = 0;
  visitor_set_state(visitor, VISITOR_ANSWER);
  visitor->visitors->stats->requests_refused++;
  pending_wait(&visitor->socket, PENDING_ANSWER);
  write_refusal(visitor);
}

void visitor_refuse(struct visitor *visitor, const struct refusal *refusal) {
  visitors_say(visitor->visitors, visitor->socket.ip, refusal->status,
               refusal->text);
  visitor_answer(visitor, refusal);
}

/* --- events ------------------------------------------------------------- */

static void step_visitor(struct visitor *visitor, uint32_t events) {
  switch (visitor->state) {
  case VISITOR_TLS:
  case VISITOR_HEAD:
    visitor->visitors->read(visitor);
    break;
  case VISITOR_LENT:
    visitor->answerer->ready(visitor, events);
    break;
  case VISITOR_ANSWER:
    write_refusal(visitor);
    break;
  case VISITOR_END:
    drop_input(visitor);
    break;
  }
}

static void on_visitor_ready(struct poller_item *item, uint32_t events) {
  step_visitor(container_of(item, struct visitor, transport.watch), events);
}

/* A script may run for each: when that has taken long enough, the rest comes
 * first in the next turn. */
void visitors_look(struct visitors *visitors) {
  struct turn *turn = visitors->poller->turn;
  struct list now, later, *node;
  list_move(&visitors->fresh, &now);
  if (turn)
    turn_part_begin(turn);
  while (!(turn && turn_part_over(turn)) && (node = list_shift(&now)))
    step_visitor(container_of(node, struct visitor, node), 0);
  list_move(&visitors->fresh, &later);
  list_move(&now, &visitors->fresh);
  while ((node = list_shift(&later)))
    list_push(&visitors->fresh, node);
}

/* --- deadlines ----------------------------------------------------------
 *
 * Each state has its own time, and its own end when that is over. A visitor
 * that has begun its first request is answered 408. One that has sent nothing,
 * or is not through with TLS, is closed without words; both are counted and
 * logged. One that is kept alive between requests is closed and nothing is
 * said about it: that is how each such connection ends. Where an answer is
 * under way no other can begin, so it is cut off. In VISITOR_ANSWER and
 * VISITOR_END all has been said. */

static void on_request_due(struct visitor *visitor) {
  static const struct refusal late = {.status = 408,
                                      .text = "no request in time\n"};
  struct visitors *visitors = visitor->visitors;
  visitors->stats->handshake_timeouts++;
  if (visitor->state == VISITOR_HEAD && visitor->in.len > 0) {
    visitor_refuse(visitor, &late);
    return;
  }
  visitors_say(visitors, visitor->socket.ip, late.status, late.text);
  visitor_free(visitor);
}

static void on_visitor_due(struct pending_socket *socket) {
  struct visitor *visitor = container_of(socket, struct visitor, socket);
  struct visitors *visitors = visitor->visitors;
  bool asks = visitor->state == VISITOR_TLS ||
              (visitor->state == VISITOR_HEAD && visitor->asked == 0);
  if (asks && !visitors->ended) {
    on_request_due(visitor);
    return;
  }
  bool lent = visitor->state == VISITOR_LENT && !visitors->ended;
  if (lent && visitor->answerer->due && visitor->answerer->due(visitor))
    return;
  if (lent)
    visitors_say(visitors, socket->ip, 408,
                 "the answer was not taken in time\n");
  visitor_free(visitor);
}

/* --- life --------------------------------------------------------------- */

void visitors_open(struct visitors *visitors, uv_loop_t *loop,
                   uint64_t request_ms, uint64_t answer_ms, uint32_t max) {
  list_init(&visitors->fresh);
  visitors->pending = (struct pending){
      .limit_ms = {[PENDING_REQUEST] = request_ms,
                   [PENDING_NEXT] = NEXT_MS,
                   [PENDING_ANSWER] = answer_ms,
                   [PENDING_END] = END_MS},
      .max = max,
      .due = on_visitor_due,
  };
  pending_init(&visitors->pending, loop);
}

struct visitor *visitor_new_take(struct visitors *visitors, int fd,
                                 const char *address) {
  struct visitor *visitor = mem_alloc(sizeof *visitor);
  visitor->visitors = visitors;
  visitor->state = VISITOR_HEAD;
  visitor->transport.watch.fd = fd;
  list_init(&visitor->node);
  list_push(&visitors->fresh, &visitor->node);
  pending_add(&visitors->pending, &visitor->socket, address);
  return visitor;
}

void visitors_close(struct visitors *visitors) {
  visitors->ended = true;
  pending_close(&visitors->pending);
}
