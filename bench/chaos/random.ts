// Chance that can be repeated: the same seed gives the same numbers. Pure.
import { seededRandom } from "../../src/common/testing/seeded-random.js";

/** Gives the next number, from 0 up to but not including 1. */
export type Random = () => number;

export function seeded(seed: number): Random {
  return seededRandom(seed).number;
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
