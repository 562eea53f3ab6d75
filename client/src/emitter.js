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

  /**
   * Returns the function that takes this one listener off again, not another
   * of the same `fn`. `call`, if given, is what is called in its place.
   */
  on(name, fn, call = fn) {
    const entry = { fn, call };
    this.#listeners.set(name, [...this.#of(name), entry]);
    return () => this.#keep(name, (other) => other !== entry);
  }

  /** The same, for one time. */
  once(name, fn) {
    const off = this.on(name, fn, (...args) => {
      off();
      fn(...args);
    });
    return off;
  }

  /** Without `fn`, takes off all listeners of `name`. */
  off(name, fn) {
    this.#keep(name, (entry) => fn && entry.fn !== fn);
  }

  // Lists are replaced, never changed, so a listener may come or go meanwhile.
  emit(name, ...args) {
    for (const { call } of this.#of(name)) guard(call, ...args);
  }

  #of(name) {
    return this.#listeners.get(name) || [];
  }

  #keep(name, test) {
    const left = this.#of(name).filter(test);
    if (left.length) this.#listeners.set(name, left);
    else this.#listeners.delete(name);
  }
}
