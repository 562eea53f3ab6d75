// SPDX-License-Identifier: MIT
// Numbers that a seed repeats: each part of the checker has a generator of its
// own, so that what one decides does not depend on when another one asks.

// mulberry32
export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  // From 0 to 1, without 1.
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  // From 0 to n, without n.
  below(n) {
    return Math.floor(this.next() * n);
  }

  chance(share) {
    return this.next() < share;
  }

  between(from, to) {
    return from + this.next() * (to - from);
  }

  // Times of a memoryless process with this mean.
  exponential(mean) {
    return -Math.log(1 - this.next()) * mean;
  }

  // One of the keys; the values are their weights.
  pick(weights) {
    let left = this.next() * Object.values(weights).reduce((a, b) => a + b);
    for (const [key, weight] of Object.entries(weights)) {
      left -= weight;
      if (left < 0) return key;
    }
    return Object.keys(weights)[0];
  }
}

// A generator for each part, from the seed of the run.
export function derive(seed, part) {
  let hash = 2166136261 ^ seed;
  for (const letter of String(part))
    hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619);
  return new Random(hash);
}
