/** Random choices that are the same ones for the same seed, so that a test that fails fails again. */

export interface SeededRandom {
  /** From 0 up to, but not, 1. */
  number(): number;
  /** A whole number from 0 up to, but not, a bound. */
  below(bound: number): number;
  pick<T>(items: readonly [T, ...T[]]): T;
}

export function seededRandom(seed: number): SeededRandom {
  let state = seed;
  const number = () => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number) => Math.floor(number() * bound);
  return { number, below, pick: (items) => items[below(items.length)] ?? items[0] };
}
