/* SPDX-License-Identifier: MIT
 * The states of a call. */
#include "script/call_state.h"

#include "base/log.h"
#include "script/generation.h"

void call_set_state(struct call *call, enum call_state state) {
  static const bool allowed[CALL_STATES][CALL_STATES] = {
      [CALL_IDLE] = {[CALL_RUNNING] = true},
      [CALL_RUNNING] = {[CALL_RETURNED] = true,
                        [CALL_YIELDING] = true,
                        [CALL_ENDED] = true,
                        /* It yielded to nobody and is unwound, see call.c. */
                        [CALL_RUNNING] = true},
      [CALL_RETURNED] = {[CALL_ENDED] = true},
      [CALL_YIELDING] = {[CALL_PARKED] = true},
      [CALL_PARKED] = {[CALL_RUNNING] = true},
      [CALL_ENDED] = {[CALL_IDLE] = true},
  };
  if (!allowed[call->state][state])
    log_fatal("handler=%s impossible state change of a call, %d to %d",
              call->spec.handler->name, (int)call->state, (int)state);
  call->state = state;
}
