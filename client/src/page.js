// SPDX-License-Identifier: MIT
// What the browser tells a page about its network and its life.

/**
 * Calls `on.back()` when the network or the user is back, `on.offline()` when
 * the browser believes the network gone, `on.hide(event)` when the page is left
 * (for good unless `event.persisted`) and `on.show()` when it comes back from
 * the back-forward cache (which keeps only pages without an open socket).
 * Returns the function that ends it. Outside a browser `target` has no events
 * and nothing is ever called.
 */
export function watchPage(target, on) {
  const visible = () => {
    if (globalThis.document?.visibilityState !== 'hidden') on.back();
  };
  const events = {
    online: on.back,
    offline: on.offline,
    visibilitychange: visible,
    pagehide: on.hide,
    pageshow: on.show,
  };
  const names = target.addEventListener ? Object.keys(events) : [];
  for (const name of names) target.addEventListener(name, events[name]);
  return () => {
    for (const name of names) target.removeEventListener(name, events[name]);
  };
}
