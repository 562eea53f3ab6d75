/* SPDX-License-Identifier: MIT
 * What other threads tell the ledger: users who have come and gone. */
#include "base/mem.h"
#include "cluster/ledger.h"

#include <string.h>

struct entry_order {
  struct order order;
  enum name_kind kind;
  char *name, *field, *value;
};

static void free_entry_order(struct order *order) {
  struct entry_order *entry = container_of(order, struct entry_order, order);
  mem_free(entry->name);
  mem_free(entry->field);
  mem_free(entry->value);
  mem_free(entry);
}

static void run_entry(struct cluster *cluster, struct order *order) {
  struct entry_order *entry = container_of(order, struct entry_order, order);
  struct name *name =
      name_hold(cluster, entry->kind, entry->name, strlen(entry->name));
  ledger_put(name, entry->field, strlen(entry->field), entry->value);
  name_drop(name);
  free_entry_order(order);
}

static void post_entry(struct cluster *cluster, enum name_kind kind,
                       const char *name, const char *field,
                       const struct buf *value) {
  struct entry_order *order = mem_alloc(sizeof *order);
  order->order.run = run_entry;
  order->order.drop = free_entry_order;
  order->kind = kind;
  order->name = mem_strdup(name);
  order->field = mem_strdup(field);
  order->value = mem_strndup(value->data ? value->data : "", value->len);
  order_post_take(cluster, &order->order);
}

static void on_presence(void *arg, const char *room,
                        const struct presence_entry *entry) {
  struct buf value = {0};
  if (entry->devices > 0) {
    buf_printf(&value, "%u %lld ", entry->devices, (long long)entry->since_s);
    buf_put(&value, entry->info, entry->info_len);
  }
  post_entry(arg, NAME_ROOM, room, entry->user, &value);
  buf_free(&value);
}

static void on_census(void *arg, const char *user, uint32_t devices) {
  struct buf value = {0};
  if (devices > 0)
    buf_printf(&value, "%u 0", devices);
  post_entry(arg, NAME_USER, user, "", &value);
  buf_free(&value);
}

void ledger_watch(struct cluster *cluster) {
  if (cluster->presence)
    presence_watch(cluster->presence, on_presence, cluster);
  whereabouts_census(cluster->bus->whereabouts, on_census, cluster);
}
