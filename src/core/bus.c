/* SPDX-License-Identifier: MIT
 * Letters between workers. */
#include "core/bus.h"

#include "base/mem.h"

#include <string.h>

struct bus *bus_new(int workers) {
  struct bus *bus = mem_alloc(sizeof *bus);
  bus->workers = workers;
  bus->directory = directory_new(workers);
  bus->ports = mem_alloc((size_t)workers * sizeof *bus->ports);
  return bus;
}

static void free_letter(struct bus_letter *letter) {
  if (letter->frame)
    frame_unref(letter->frame);
  mem_free(letter);
}

static void free_port(struct bus_port *port) {
  struct list *node;
  if (!port->bus)
    return; /* it was never opened */
  while ((node = list_shift(&port->mailbox.letters)))
    free_letter(container_of(node, struct bus_letter, node));
  mailbox_free(&port->mailbox);
}

void bus_free(struct bus *bus) {
  if (!bus)
    return;
  for (int i = 0; i < bus->workers; i++)
    free_port(&bus->ports[i]);
  directory_free(bus->directory);
  mem_free(bus->ports);
  mem_free(bus);
}

static void on_letter(struct mailbox *mailbox, struct list *node) {
  struct bus_port *port = container_of(mailbox, struct bus_port, mailbox);
  struct bus_letter *letter = container_of(node, struct bus_letter, node);
  port->open(port->arg, letter);
  free_letter(letter);
}

void bus_open(struct bus *bus, int worker, uv_loop_t *loop,
              void (*open)(void *arg, const struct bus_letter *letter),
              void *arg) {
  struct bus_port *port = &bus->ports[worker];
  port->bus = bus;
  port->worker = worker;
  port->open = open;
  port->arg = arg;
  mailbox_init(&port->mailbox, loop, on_letter);
}

void bus_close(struct bus *bus, int worker) {
  mailbox_close(&bus->ports[worker].mailbox);
}

void bus_post(struct bus *bus, int worker, const struct bus_letter *letter) {
  size_t text_len = letter->text ? strlen(letter->text) : 0;
  struct bus_letter *copy =
      mem_alloc_raw(sizeof *copy + letter->target_len + 1 + text_len + 1);
  char *target = copy->room, *text = target + letter->target_len + 1;
  *copy = *letter;
  if (letter->target_len > 0)
    memcpy(target, letter->target, letter->target_len);
  target[letter->target_len] = 0;
  if (text_len > 0)
    memcpy(text, letter->text, text_len);
  text[text_len] = 0;
  copy->target = target;
  copy->text = text;
  if (copy->frame)
    frame_ref(copy->frame);
  list_init(&copy->node);
  if (!mailbox_post_take(&bus->ports[worker].mailbox, &copy->node))
    free_letter(copy);
}
