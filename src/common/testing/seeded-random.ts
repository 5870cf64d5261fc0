/** Random choices that are the same ones for the same seed, so that a test that fails fails again. */

export interface SeededRandom {
  /** From 0 up to, but not, 1. */
  number(): number;
  /** A whole number from 0 up to, but not, a bound. */
  below(bound: number): number;
  /** A whole number, both ends included. */
  between(low: number, high: number): number;
  /** True so often out of one. */
  chance(share: number): boolean;
  /** Throws if there are none. */
  pick<T>(items: readonly T[]): T;
  /** As many items as between() says. */
  list<T>(fewest: number, most: number, make: (index: number) => T): T[];
  /** Choices of its own, which what others draw does not change. */
  fork(): SeededRandom;
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
  const between = (low: number, high: number) => low + below(high - low + 1);
  return {
    number,
    below,
    between,
    chance: (share) => number() < share,
    pick: <T>(items: readonly T[]) => {
      if (items.length === 0) throw new Error("there is nothing to pick from");
      // Within the bounds; undefined may be one of the items.
      return items[below(items.length)] as T;
    },
    list: (fewest, most, make) =>
      Array.from({ length: between(fewest, most) }, (_, index) => make(index)),
    fork: () => seededRandom(below(2 ** 32)),
  };
}
