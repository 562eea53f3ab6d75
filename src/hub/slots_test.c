/* SPDX-License-Identifier: MIT
 * Tests of hub/slots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/slots.h"

#include <stdbool.h>
#include <stdlib.h>

enum { MOST = 1000 };

static void nobody_has_the_number_of_another(void **state) {
  struct slots slots = {0};
  static bool taken[MOST + 1];
  static uint32_t mine[MOST];
  uint32_t count = 0, most = 0;
  (void)state;
  srand(1);
  for (int i = 0; i < 20000; i++) {
    if (count < MOST && rand() % 100 < (i % 2000 < 1000 ? 60 : 40)) {
      uint32_t number = slots_take(&slots);
      assert_in_range(number, 1, MOST);
      assert_false(taken[number]);
      taken[number] = true;
      mine[count++] = number;
      most = count > most ? count : most;
      assert_in_range(number, 1, most); /* no larger than it has to be */
    } else if (count > 0) {
      uint32_t which = (uint32_t)rand() % count;
      taken[mine[which]] = false;
      slots_give(&slots, mine[which]);
      mine[which] = mine[--count];
    }
  }
  slots_free(&slots);
  assert_int_equal(slots_take(&slots), 1);
  slots_free(&slots);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nobody_has_the_number_of_another),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
