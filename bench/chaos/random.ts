// Reproducible random choices: the same seed gives the same numbers. Pure.
import { seededRandom } from "../../src/common/testing/seeded-random.js";

/** Returns the next number in [0, 1). */
export type Random = () => number;

export function seeded(seed: number): Random {
  return seededRandom(seed).number;
}

/** A number between low and high. */
export function between(random: Random, low: number, high: number): number {
  return low + random() * (high - low);
}

/** The items in random order. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

/** count items in random order: each appears equally often, give or take one, and none twice in a row. */
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
