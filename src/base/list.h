/* SPDX-License-Identifier: MIT
 * An intrusive, circular, doubly linked list.
 *
 * The node sits inside the object; the list owns nothing. An initialised node
 * that is in no list points to itself, so that taking it out twice is safe. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/attr.h"

#include <stdbool.h>

struct list {
  struct list *next, *prev;
};

/* Makes an empty list, or a node that is in no list. */
static inline void list_init(struct list *node) {
  node->next = node->prev = node;
}

static inline bool list_empty(const struct list *list) {
  return list->next == list;
}

/* Whether the node is in a list. */
static inline bool list_linked(const struct list *node) {
  return node->next != node;
}

static inline void list_push(struct list *list, struct list *node) {
  node->prev = list->prev;
  node->next = list;
  list->prev->next = node;
  list->prev = node;
}

static inline void list_remove(struct list *node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  list_init(node);
}

/* Takes out and returns the first node; NULL when the list is empty. */
static inline struct list *list_shift(struct list *list) {
  struct list *node = list->next;
  if (node == list)
    return NULL;
  list_remove(node);
  return node;
}

/* Moves all nodes of `from` to the empty list `to`: detach before callbacks. */
static inline void list_move(struct list *from, struct list *to) {
  if (list_empty(from)) {
    list_init(to);
    return;
  }
  *to = *from;
  to->next->prev = to->prev->next = to;
  list_init(from);
}

/* The body must not take nodes out; see LIST_FOREACH_SAFE. */
#define LIST_FOREACH(it, head)                                                 \
  for (struct list *it = (head)->next; it != (head); it = it->next)

/* The body may take out `it`, and only `it`. */
#define LIST_FOREACH_SAFE(it, head)                                            \
  for (struct list *it = (head)->next, *it##_next = it->next; it != (head);    \
       it = it##_next, it##_next = it->next)

#endif
