// Chance that can be repeated: the same seed gives the same numbers. Pure.

/** Gives the next number, from 0 up to but not including 1. */
export type Random = () => number;

/** Mulberry32, by Tommy Ettinger: 32 bits of state, good enough to choose faults. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A number of a range. */
export function between(random: Random, low: number, high: number): number {
  return low + random() * (high - low);
}

/** The items in another order. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

/** So many items in random order: each comes as often as any other, give or take one, and none twice in a row. */
export function deal<T>(items: readonly T[], count: number, random: Random): T[] {
  const dealt: T[] = [];
  while (dealt.length < count && items.length > 0) {
    const [first, ...others] = shuffled(items, random);
    if (first === undefined) break;
    const repeats = items.length > 1 && first === dealt.at(-1);
    dealt.push(...(repeats ? [...others, first] : [first, ...others]));
  }
  return dealt.slice(0, count);
}
