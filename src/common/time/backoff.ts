/** Delays between attempts. */

/** Doubles with every failure, from `firstMs` after the first one up to `maxMs`. */
export function backoffMs(failures: number, firstMs: number, maxMs: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
}

/**
 * Varies a delay by up to a fifth in both directions, so that thousands of nodes that start together do not ask together.
 *
 * @param random from 0 to 1
 */
export function withJitter(ms: number, random: number): number {
  return ms * (0.8 + 0.4 * random);
}
