/** Chance from a seed, so that a simulation can be run again as it was. */

export interface Random {
  /** From 0 to 1, without 1. */
  next(): number;
  /** True so often out of one. */
  chance(share: number): boolean;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  /** Chance of its own, which what others draw does not change. */
  fork(): Random;
}

/** Mulberry32: good enough to roll dice, and the same everywhere. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    chance: (share) => next() < share,
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    fork: () => randomFrom(Math.floor(next() * 2 ** 32)),
  };
}
