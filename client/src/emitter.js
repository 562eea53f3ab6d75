// SPDX-License-Identifier: MIT
// Listeners by name.

/** Runs a listener; what it throws is reported and harms nobody else. */
export function guard(fn, ...args) {
  try {
    fn(...args);
  } catch (error) {
    (globalThis.reportError || console.error)(error);
  }
}

export class Emitter {
  #listeners = new Map();

  /** Returns the function that takes `fn` off again. */
  on(name, fn) {
    this.#listeners.set(name, [...(this.#listeners.get(name) || []), fn]);
    return () => this.off(name, fn);
  }

  /** Without `fn`, takes off all listeners of `name`. */
  off(name, fn) {
    const left = fn
      ? (this.#listeners.get(name) || []).filter((other) => other !== fn)
      : [];
    if (left.length) this.#listeners.set(name, left);
    else this.#listeners.delete(name);
  }

  // Lists are replaced, never changed, so a listener may come or go meanwhile.
  emit(name, ...args) {
    for (const fn of this.#listeners.get(name) || []) guard(fn, ...args);
  }
}
