/* SPDX-License-Identifier: MIT
 * Letters between workers.
 *
 * Each worker has a port: a mailbox, and the number of bytes in it that are not
 * received yet. Anybody posts, only its worker receives. A mailbox is a list
 * behind a lock, so letters of one worker to another keep their order. Two
 * workers that send to a third have no common order.
 *
 * A letter is copied, with its texts; the frame in it is not, it is counted.
 * So the bytes of one message exist once, however many workers it goes to, and
 * its bytes are charged at every port that still waits for it.
 *
 * The bound holds for frames only. They are what clients cause, they are large,
 * and they may be lost: the protocol promises no delivery to who is behind.
 * Commands (close, join, leave, probe) are small, come from scripts, and must
 * not be lost: a client that was kicked would stay. They always get through.
 *
 * `waiting` is charged before the letter is posted, and given back when it is
 * received. Looking and charging are two steps, without the lock: posters that
 * look at the same moment may both take the last room. Then there is a frame
 * more for each worker at most, which is cheaper than a lock for each letter.
 * A letter that nobody received any more is not given back: that port is
 * closed, and asks for no room again. */
#include "engine/bus.h"

#include "base/mem.h"

#include <string.h>

/* Called under the lock of the whereabouts. */
static void post_user(void *arg, int worker, const char *user, bool online) {
  struct bus *bus = arg;
  struct bus_letter letter = {.to = BUS_USER,
                              .what = online ? BUS_ONLINE : BUS_OFFLINE,
                              .target = user,
                              .target_len = strlen(user)};
  (void)bus_post(bus, worker, &letter); /* it listens, so it has not ended */
}

struct bus *bus_new(int workers, size_t port_bytes) {
  struct bus *bus = mem_alloc(sizeof *bus);
  bus->workers = workers;
  bus->port_bytes = port_bytes;
  bus->whereabouts = whereabouts_new(workers);
  whereabouts_watch(bus->whereabouts, post_user, bus);
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
  while ((node = list_shift(&port->mailbox.letters))) {
    struct bus_letter *letter = container_of(node, struct bus_letter, node);
    if (letter->load)
      letter->load->drop(letter->load);
    free_letter(letter);
  }
  mailbox_free(&port->mailbox);
}

void bus_free(struct bus *bus) {
  if (!bus)
    return;
  for (int i = 0; i < bus->workers; i++)
    free_port(&bus->ports[i]);
  whereabouts_free(bus->whereabouts);
  mem_free(bus->ports);
  mem_free(bus);
}

static void on_bus_letter(struct mailbox *mailbox, struct list *node) {
  struct bus_port *port = container_of(mailbox, struct bus_port, mailbox);
  struct bus_letter *letter = container_of(node, struct bus_letter, node);
  if (letter->frame)
    atomic_fetch_sub_explicit(&port->waiting, letter->frame->len,
                              memory_order_relaxed);
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
  mailbox_init(&port->mailbox, loop, on_bus_letter);
}

void bus_take_turns(struct bus *bus, int worker, struct turn *turn) {
  bus->ports[worker].mailbox.turn = turn;
}

void bus_receive_all(struct bus *bus, int worker) {
  mailbox_receive_all(&bus->ports[worker].mailbox);
}

void bus_close(struct bus *bus, int worker) {
  mailbox_close(&bus->ports[worker].mailbox);
}

static bool port_has_room(const struct bus *bus, const struct bus_port *port,
                          size_t bound, size_t len) {
  return !bus->port_bytes ||
         atomic_load_explicit(&port->waiting, memory_order_relaxed) + len <=
             bound;
}

bool bus_has_room(const struct bus *bus, int worker, size_t len) {
  return port_has_room(bus, &bus->ports[worker], bus->port_bytes, len);
}

/* Takes room for the letter's frame at that port. Several may see the last
 * room and take it: the bound is exceeded by a frame or two then. */
static bool take_room(const struct bus *bus, struct bus_port *port,
                      const struct bus_letter *letter) {
  size_t bound = letter->drop ? bus->port_bytes / 2 : bus->port_bytes;
  if (!letter->frame)
    return true;
  if (!letter->must && !port_has_room(bus, port, bound, letter->frame->len))
    return false;
  atomic_fetch_add_explicit(&port->waiting, letter->frame->len,
                            memory_order_relaxed);
  return true;
}

static struct bus_letter *copy_letter(const struct bus_letter *letter) {
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
  return copy;
}

bool bus_post(struct bus *bus, int worker, const struct bus_letter *letter) {
  struct bus_port *port = &bus->ports[worker];
  if (!take_room(bus, port, letter))
    return false;
  struct bus_letter *copy = copy_letter(letter);
  if (mailbox_post_take(&port->mailbox, &copy->node))
    return true;
  free_letter(copy); /* that worker has ended */
  return false;
}

bool bus_is_behind(const struct bus *bus) {
  for (int i = 0; bus->port_bytes && i < bus->workers; i++)
    if (atomic_load_explicit(&bus->ports[i].waiting, memory_order_relaxed) >
        bus->port_bytes / 4)
      return true;
  return false;
}
