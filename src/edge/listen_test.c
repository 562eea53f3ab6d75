/* SPDX-License-Identifier: MIT
 * Tests of edge/listen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "edge/listen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CALLERS_MAX = 64 };

static int open_socket(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  return fd;
}

/* Somebody listens there and accepts nobody: whoever came last would wait. */
static void a_path_whose_owner_hangs_is_in_use(void **state) {
  char folder[] = "/tmp/listen_test.XXXXXX", address[128];
  char bound[LISTEN_ADDRESS_BYTES];
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  struct buf error = {0};
  int callers[CALLERS_MAX], count = 0, owner = open_socket();
  (void)state;
  assert_non_null(mkdtemp(folder));
  snprintf(addr.sun_path, sizeof addr.sun_path, "%s/s", folder);
  snprintf(address, sizeof address, "unix:%s", addr.sun_path);
  assert_int_equal(bind(owner, (void *)&addr, sizeof addr), 0);
  assert_int_equal(listen(owner, 0), 0);
  do
    callers[count] = open_socket();
  while (connect(callers[count++], (void *)&addr, sizeof addr) == 0 &&
         count < CALLERS_MAX);
  assert_int_equal(errno, EAGAIN);
  assert_int_equal(listen_open("listen", address, bound, &error), ERR_SYSTEM);
  buf_putc(&error, 0);
  assert_non_null(strstr(error.data, "in use"));
  buf_free(&error);
  while (count > 0)
    close(callers[--count]);
  close(owner);
  unlink(addr.sun_path);
  rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_path_whose_owner_hangs_is_in_use),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
